"""Verification: what follows from a row, and whether running it again gives the same."""
