"""Worlds: Gymnasium environments, a folder a family."""
