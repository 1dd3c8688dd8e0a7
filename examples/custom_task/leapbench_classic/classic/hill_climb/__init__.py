"""Agent: random search in the space of linear policies."""
