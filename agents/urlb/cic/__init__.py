"""Contrastive intrinsic control (CIC), and its mixture of surprises (MOSS)."""
