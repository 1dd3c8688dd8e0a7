"""What to ask about next, without learning it."""
