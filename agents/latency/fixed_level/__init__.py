"""Keep levels by a rule."""
