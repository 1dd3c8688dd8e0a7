"""Places learned through deep features of an enlarged crop (AdaFocusV3)."""
