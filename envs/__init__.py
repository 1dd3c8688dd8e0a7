"""Environments, a folder a family; each declares its ids in its own `envs.toml`."""
