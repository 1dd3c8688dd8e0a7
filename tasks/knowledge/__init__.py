"""Knowledge that is bought triplet by triplet."""
