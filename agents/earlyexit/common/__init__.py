"""What the early-exit models share: layers, networks, one training loop."""
