"""DiSparse on a trained network."""
