"""Furthest view sampling, and its opposite."""
