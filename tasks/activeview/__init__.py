"""Active view selection: choose from where to photograph a scene next."""
