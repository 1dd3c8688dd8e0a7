"""Methods that learn from captions and triplets."""
