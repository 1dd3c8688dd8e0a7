"""Scores candidates, by DQN of Stable-Baselines3."""
