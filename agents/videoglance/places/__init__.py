"""Where to look without training: rules beside the model's own order, all with confidence."""
