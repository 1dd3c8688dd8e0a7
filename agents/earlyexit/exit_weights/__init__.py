"""Exit weights that are not learned."""
