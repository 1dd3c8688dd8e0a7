"""Worlds of the family whose actions are disturbed."""
