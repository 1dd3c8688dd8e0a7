"""Pre-training under a budget of image views, and frozen features probed."""
