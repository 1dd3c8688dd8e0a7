"""Worlds in which the blocks of a network are paid for in milliseconds."""
