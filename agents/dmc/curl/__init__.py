"""Contrastive representations on soft actor-critic (Laskin et al., 2020)."""
