"""Active pre-training with successor features (APS)."""
