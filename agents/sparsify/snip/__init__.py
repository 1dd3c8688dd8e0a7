"""SNIP: one threshold on the saliency of the summed loss, or of normalised tasks."""
