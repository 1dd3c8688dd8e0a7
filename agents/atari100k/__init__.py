"""Agents for Atari with few interactions."""
