"""PPO of Stable-Baselines3."""
