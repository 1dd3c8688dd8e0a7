"""Samples leave at random, as many at each exit as under `confidence`: its control."""
