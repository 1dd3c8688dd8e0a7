"""Curiosity-driven exploration by self-supervised prediction (ICM)."""
