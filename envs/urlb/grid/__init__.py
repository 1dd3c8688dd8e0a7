"""A square of cells with a shelter: the entropy of its dynamics is an argument."""
