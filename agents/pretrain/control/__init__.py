"""Schedules of self-supervised learning."""
