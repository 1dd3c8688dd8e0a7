"""Data sets: where they are looked for, how they are read."""
