"""Contrastive intrinsic control (CIC)."""
