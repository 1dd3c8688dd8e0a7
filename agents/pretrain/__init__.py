"""Methods that learn from views of pictures without labels."""
