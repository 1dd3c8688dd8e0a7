"""Hardware latency budgets."""
