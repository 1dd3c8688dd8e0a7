"""Hindsight: every plain rule is tried, and the best by test accuracy is told."""
