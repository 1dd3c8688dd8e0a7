"""A bandit over plain rules."""
