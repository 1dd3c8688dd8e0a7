"""Folder of submissions: immutable files, and an index that follows from them."""

from leapbench.leaderboards.store.files import is_store
from leapbench.leaderboards.store.records import Receipt, Submission
from leapbench.leaderboards.store.store import Store

__all__ = ["Receipt", "Store", "Submission", "is_store"]
