"""Active pre-training (APT): particle entropy without skills."""
