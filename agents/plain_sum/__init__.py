"""Plain training of multi-exit networks."""
