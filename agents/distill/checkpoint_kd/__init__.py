"""The paper's method: the checkpoint of the most information."""
