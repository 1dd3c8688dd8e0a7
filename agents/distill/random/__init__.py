"""Random decisions: the floor."""
