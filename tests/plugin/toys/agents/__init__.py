"""Toy agents."""
