"""Control without pre-training: a table learned from random actions alone."""
