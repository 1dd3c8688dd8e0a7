"""The ordinary network, everything computed."""
