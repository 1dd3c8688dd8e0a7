"""Agents that split a budget between teachers and a student."""
