"""Embeddings of graphs, and how often each end occurs."""
