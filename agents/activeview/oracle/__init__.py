"""Policies that look at the truth: upper bounds, shown and never ranked."""
