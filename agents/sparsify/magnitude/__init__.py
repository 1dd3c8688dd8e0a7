"""Pruning of a trained network by magnitude, at once, step by step or with rewinding."""
