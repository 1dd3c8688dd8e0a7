"""FisherRF (Jiang et al., ECCV 2024)."""
