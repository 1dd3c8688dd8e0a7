"""Control for L2W-DEN: its mean exit weights, fixed."""
