"""RANet (Yang et al., CVPR 2020), trained by the plain sum of its exits' losses."""
