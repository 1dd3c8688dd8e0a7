"""Agents that decide which weights of a network for several tasks stay."""
