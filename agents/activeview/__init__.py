"""Agents of active view selection, a folder a method."""
