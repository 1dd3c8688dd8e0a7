"""MSDNet (Huang et al., ICLR 2018), trained by the plain sum of its exits' losses."""
