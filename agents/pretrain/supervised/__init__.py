"""The upper bound that is shown labels."""
