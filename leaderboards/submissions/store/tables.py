"""Tables of the index, the same in either database."""

from __future__ import annotations

import sqlalchemy as sa

from leapbench.leaderboards.submissions.store.records import Head

VERSION = 4
metadata = sa.MetaData()
submissions = sa.Table(
    "submissions",
    metadata,
    *(sa.Column(name, sa.Text, nullable=False, primary_key=name == "id") for name in Head._fields),
    sa.Index("attempts", "task", "identity", "received", "id"),
    sa.Index("contents", "manifest", "signed_by"),
)
results = sa.Table(
    "results",
    metadata,
    sa.Column("submission", sa.ForeignKey("submissions.id"), primary_key=True),
    sa.Column("seed", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("result", sa.Text, nullable=False),
    sa.Column("score", sa.Double),
)
claims = sa.Table(
    "claims",
    metadata,
    sa.Column("submission", sa.Text, primary_key=True),
    sa.Column("worker", sa.Text, nullable=False),
    sa.Column("until", sa.Double, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
)
"""Who verifies what: alone this does not follow from the files, and says nothing that is missed."""
mark = sa.Table(
    "leapbench",
    metadata,
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("board", sa.Text, nullable=False),
)
"""One row when the index is filled: its version, and whose it is (see `Index.board`)."""
