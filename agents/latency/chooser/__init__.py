"""Designs chosen by what they cost."""
