"""Worlds of scenes, captions and triplets, and a small CLIP that learns from them."""
