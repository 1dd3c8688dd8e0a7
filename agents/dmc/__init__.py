"""Agents for control with few interactions."""
