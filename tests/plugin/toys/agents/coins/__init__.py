"""The agents of coins."""
