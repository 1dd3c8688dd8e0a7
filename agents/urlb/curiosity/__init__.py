"""Rewards for what cannot be predicted yet: RND, ICM and disagreement."""
