"""Policies that look at the labels: upper bounds, shown and never ranked."""
