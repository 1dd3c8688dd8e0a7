"""Controls without pre-training: DDPG from nothing, or no learning."""
