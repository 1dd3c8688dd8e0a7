"""Rules that take the candidate with the most of one quantity."""
