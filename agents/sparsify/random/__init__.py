"""Masks at random."""
