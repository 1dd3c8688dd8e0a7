"""Soft actor-critic alone, with one random shift or two (DrQ)."""
