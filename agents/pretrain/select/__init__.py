"""Rules for which pictures are revealed."""
