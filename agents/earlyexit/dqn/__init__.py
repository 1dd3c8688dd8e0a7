"""When to leave, by DQN of Stable-Baselines3."""
