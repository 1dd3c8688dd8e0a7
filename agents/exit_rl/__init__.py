"""Reinforcement learning of when to leave: PPO and DQN of Stable-Baselines3."""
