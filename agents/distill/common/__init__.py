"""What the family's agents share."""
