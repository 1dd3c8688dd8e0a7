"""Agents that know no family: they learn on the practice of any task from its spaces alone."""
