"""Agents that seek surprise, avoid it, or do one after the other (MOSS)."""
