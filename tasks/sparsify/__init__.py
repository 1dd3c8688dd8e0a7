"""Protocols about networks that several tasks share, under budgets of weights and compute."""
