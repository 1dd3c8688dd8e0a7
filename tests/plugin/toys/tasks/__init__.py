"""Toy tasks."""
