"""The suite's radiance field as agents that reconstruct for themselves."""
