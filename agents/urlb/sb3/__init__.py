"""Outside references: SAC and DDPG of Stable-Baselines3, from scratch."""
