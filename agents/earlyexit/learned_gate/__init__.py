"""A learned gate: predict what going on would gain, and buy it at one price a budget."""
