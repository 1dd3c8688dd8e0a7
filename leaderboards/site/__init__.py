"""A static site of every board: pages, plots and pictures that need no network."""
