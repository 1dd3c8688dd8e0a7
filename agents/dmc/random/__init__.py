"""The floor: uniformly random actions."""
