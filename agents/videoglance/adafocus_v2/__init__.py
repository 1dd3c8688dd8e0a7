"""Places learned through interpolated pixels (AdaFocusV2)."""
