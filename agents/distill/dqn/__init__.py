"""DQN of Stable-Baselines3."""
