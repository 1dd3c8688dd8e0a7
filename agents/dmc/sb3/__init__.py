"""Outside reference: SAC of Stable-Baselines3."""
