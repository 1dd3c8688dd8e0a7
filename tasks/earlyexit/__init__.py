"""Early-exit budgets: answer a stream of samples under a total multiply-add budget."""
