"""A world in which a spatially dynamic network is designed for a device."""
