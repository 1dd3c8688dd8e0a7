"""Controls without pre-training: learn from random actions alone, or do not learn."""
