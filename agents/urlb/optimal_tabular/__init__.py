"""The best that can be done, by someone who knows the dynamics and the goal."""
