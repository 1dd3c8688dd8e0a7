"""Value-consistent representations on soft actor-critic, and their ablations."""
