"""What several of the methods share."""
