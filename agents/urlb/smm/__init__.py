"""State marginal matching (SMM)."""
