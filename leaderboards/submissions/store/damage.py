"""Looks for damage in a store: files against their names, the index against the files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from leapbench.errors import UserError
from leapbench.leaderboards.submissions.bundle.read import open_bundle
from leapbench.leaderboards.submissions.store import queries
from leapbench.leaderboards.submissions.store.files import Files
from leapbench.leaderboards.submissions.store.index import Index
from leapbench.leaderboards.submissions.store.records import IndexedSubmission


def problems(files: Files, held: Index) -> list[str]:
    """Everything that is not as it should be, one line each.

    Args:
        files: of the store.
        held: its index.
    """
    with held.writing():  # so that no file is looked at half-way
        bundles, receipts = files.bundles(), files.receipted()
        strays = list(_strays(files, bundles, receipts))
    with held.reading() as db:
        found = strays + ([] if held.intact(db) else ["index.sqlite is damaged"])
        found += [f"{i}: a receipt without its bundle" for i in sorted(receipts - bundles)]
        found += [f"{i}: a bundle without its receipt" for i in sorted(bundles - receipts)]
        for identity in sorted(bundles & receipts):
            found += _against(files, db, identity)
        extra = queries.ids(db) - bundles - files.bundles()
        return found + [f"{i}: in the index and not in the files" for i in sorted(extra)]


def _against(files: Files, db: sa.Connection, identity: str) -> Iterator[str]:
    """Compare one bundle with its name, its receipt and the index."""
    try:
        opened, stamp = open_bundle(files.bundle(identity)), files.stamped(identity)
    except UserError as error:
        subject = getattr(error, "subject", identity)
        changed = "" if subject == identity else "the content is not what the name says; "
        yield f"{identity}: {changed}{error.message}"
        return
    if opened.id != identity:
        yield f"{identity}: the content is not what the name says"
    elif stamp.bytes != opened.size:
        yield f"{identity}: the receipt is for {stamp.bytes} bytes, there are {opened.size}"
    elif queries.row(db, identity) != IndexedSubmission.of(opened, stamp.received):
        yield f"{identity}: the index disagrees with the bundle; rebuild it"


def _strays(files: Files, bundles: set[str], receipts: set[str]) -> Iterator[str]:
    """Files that no store writes."""
    known = {files.bundle(i) for i in bundles} | {files.receipt(i) for i in receipts}
    for folder in (files.submissions, files.receipts):
        for path in sorted(folder.rglob("*")):
            if path not in known and not _shard(files, path):
                yield f"{path}: not a file of a board"


def _shard(files: Files, path: Path) -> bool:
    return path.parent == files.submissions and path.is_dir() and len(path.name) == 2
