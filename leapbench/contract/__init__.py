"""What tasks and agents agree on: declarations, protocols, budgets, seeds, phases."""
