"""Control without pre-training: DDPG from nothing."""
