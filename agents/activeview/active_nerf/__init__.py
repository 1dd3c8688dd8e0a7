"""ActiveNeRF (Pan et al., ECCV 2022): the largest information gain, as printed and corrected."""
