"""Leave when the exit is sure enough: confidence, entropy, margin, calibrated confidence."""
