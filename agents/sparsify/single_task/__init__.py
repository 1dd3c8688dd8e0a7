"""Independent networks, each with its share of the budget."""
