"""Exploration by random network distillation (RND)."""
