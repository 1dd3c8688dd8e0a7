"""Agents of hardware latency budgets."""
