"""A mixture of surprises (MOSS)."""
