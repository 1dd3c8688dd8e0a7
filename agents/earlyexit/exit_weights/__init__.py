"""Weights of the exits' losses that are fixed, drawn, or copied from L2W-DEN's means."""
