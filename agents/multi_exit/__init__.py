"""Multi-exit networks: MSDNet and RANet."""
