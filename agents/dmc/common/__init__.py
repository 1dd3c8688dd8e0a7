"""Soft actor-critic and the losses that are added to it."""
