"""Agents of early exits, a folder a method."""
