"""PPO of Stable-Baselines3 on the dynamic world."""
