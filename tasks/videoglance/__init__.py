"""Glances at video: look closely at few cubes of space and time under a multiply-add budget."""
