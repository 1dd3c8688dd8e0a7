"""What the exit policies share: the threshold solver, the budget grid, a small MLP."""
