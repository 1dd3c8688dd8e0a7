"""Self-predictive representations on soft actor-critic."""
