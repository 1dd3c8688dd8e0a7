"""Atari 100K: the frozen networks of the task on value consistency."""
