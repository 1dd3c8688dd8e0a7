"""Outside references: DQN and PPO of Stable-Baselines3."""
