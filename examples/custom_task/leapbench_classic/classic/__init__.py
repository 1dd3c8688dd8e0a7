"""Tasks: learn to control within so many steps."""
