"""Policies that learn to score candidates by algorithms of Stable-Baselines3."""
