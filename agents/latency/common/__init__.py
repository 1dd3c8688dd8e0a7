"""What agents of hardware latency budgets share."""
