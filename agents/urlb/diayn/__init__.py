"""Diversity is all you need (DIAYN)."""
