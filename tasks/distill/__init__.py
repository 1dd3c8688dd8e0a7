"""Protocols of teacher compute budgets."""
