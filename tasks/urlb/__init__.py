"""Unsupervised pre-training, then few rewarded steps on each of several tasks."""
