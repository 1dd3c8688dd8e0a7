"""Benchmark tasks: protocols, cards and harnesses, a folder a family."""
