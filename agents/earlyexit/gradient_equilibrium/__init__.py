"""Gradient equilibrium."""
