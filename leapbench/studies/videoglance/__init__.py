"""Studies of glances at video."""
