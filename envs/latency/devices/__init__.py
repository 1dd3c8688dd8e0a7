"""Devices that come with the suite."""
