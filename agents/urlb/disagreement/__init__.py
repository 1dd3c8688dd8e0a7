"""Self-supervised exploration via disagreement."""
