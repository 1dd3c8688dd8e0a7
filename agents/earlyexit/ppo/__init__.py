"""When to leave, by PPO of Stable-Baselines3."""
