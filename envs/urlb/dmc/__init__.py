"""URLB's domains on dm_control: walker, quadruped and jaco."""
