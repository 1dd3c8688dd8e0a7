"""Agents of glances at video, a folder a method."""
