"""Masks by a rule that is not learned, in networks fine-tuned with them."""
