"""Schedules of sources: fixed ones, those that follow what is seen, and a look ahead."""
