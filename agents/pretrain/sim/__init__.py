"""Siamese image modeling and its ablations."""
