"""Worlds in which the agent decides which weights of a network for several tasks stay."""
