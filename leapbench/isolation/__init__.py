"""A stranger's agent in a process of its own: environment, seeds, meter and clock stay here."""
