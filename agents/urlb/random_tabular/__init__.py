"""Control: no learning, uniformly random numbered actions."""
