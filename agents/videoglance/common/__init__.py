"""What the models of glances share: one training loop, and the ways of learning places."""
