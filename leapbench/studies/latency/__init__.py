"""How the packaged parts of the latency family are made."""
