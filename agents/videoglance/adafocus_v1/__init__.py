"""Places learned by REINFORCE (AdaFocus)."""
