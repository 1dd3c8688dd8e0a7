"""Glances at video: where to look closely, and when to answer, under a compute budget.

Import `bank` for NumPy-only data and `env` or `vector` for the Gymnasium worlds.
"""
