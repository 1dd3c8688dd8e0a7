"""Agents of unsupervised pre-training, a folder a method."""
