"""Unsupervised pre-training: chance, where explorers go."""
