"""Folder of submissions: immutable files, and an index that follows from them."""

from leapbench.leaderboards.submissions.store.files import is_store
from leapbench.leaderboards.submissions.store.records import Receipt, Submission
from leapbench.leaderboards.submissions.store.store import SubmissionStore

__all__ = ["Receipt", "Submission", "SubmissionStore", "is_store"]
