"""A policy that the user trained with Stable-Baselines3, as `sb3:<algorithm>:<file.zip>`."""
