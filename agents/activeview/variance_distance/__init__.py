"""Uncertainty with a distance that views must keep."""
