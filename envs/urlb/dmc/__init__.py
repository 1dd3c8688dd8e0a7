"""Domains on dm_control: URLB's walker, quadruped and jaco, and three that are learned sooner."""
