"""Value-consistent representations (Yue et al., AAAI 2023) and their ablations."""
