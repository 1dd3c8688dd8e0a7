"""Boards over result files; `results/` holds the committed rows."""
