"""Atari games to be learned from 100,000 interactions."""
