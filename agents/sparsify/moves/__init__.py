"""The same move in every round, or any."""
