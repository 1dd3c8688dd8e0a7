"""PPO on the worlds of learning."""
