"""A model that estimates the share of heads."""
