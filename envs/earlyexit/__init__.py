"""Early exits under a compute budget: when to stop a network with several classifiers.

Import `predictions` for NumPy-only data and `env` or `vector` for the Gymnasium worlds.
"""
