"""Guess the next flips of a biased coin."""
