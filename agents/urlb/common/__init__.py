"""What the agents with intrinsic rewards share: DDPG, replay, k-NN entropy, both phases."""
