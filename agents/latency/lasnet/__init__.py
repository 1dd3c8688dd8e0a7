"""LASNet: masks of coarse cells, learned under a budget of multiply-adds."""
