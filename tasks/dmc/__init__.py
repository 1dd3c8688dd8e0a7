"""Continuous control to be learned from few interactions."""
