"""Reinforcement learning of schedules."""
