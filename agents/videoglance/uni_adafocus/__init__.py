"""Places learned through the glance's map (Uni-AdaFocus)."""
