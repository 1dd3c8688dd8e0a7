"""The floor: uniformly random choices."""
