"""What the tabular agents share: one lane to walk in, Q-learning, fine-tuning, their files."""
