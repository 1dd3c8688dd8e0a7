"""Uncertainty sampling: the largest rendered variance."""
