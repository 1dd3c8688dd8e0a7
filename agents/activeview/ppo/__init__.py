"""Scores candidates, by PPO of Stable-Baselines3."""
