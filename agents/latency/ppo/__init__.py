"""What to compute, or how to design, by PPO of Stable-Baselines3."""
