"""What the tabular agents share: metered transitions, Q-learning, fine-tuning, their files."""
