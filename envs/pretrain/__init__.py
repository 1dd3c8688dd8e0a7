"""Image views without labels: what a vision transformer learns from pairs of views."""
