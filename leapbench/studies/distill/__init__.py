"""Studies of teacher compute budgets."""
