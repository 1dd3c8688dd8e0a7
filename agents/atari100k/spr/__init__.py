"""Self-predictive representations (Schwarzer et al., ICLR 2021)."""
