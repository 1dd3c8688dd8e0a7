"""Where the index of a board is: beside its files, or where its file `index.url` says.

Every process that uses the board reads that file, so that a board has one index and its writers
exclude each other. Without the file the index is SQLite again.
"""

from __future__ import annotations

from pathlib import Path

from leapbench.errors import UserError
from leapbench.leaderboards.submissions.store.index import Index
from leapbench.leaderboards.submissions.store.postgres import PostgresIndex
from leapbench.leaderboards.submissions.store.sqlite import SqliteIndex
from leapbench.results import atomic

NAME = "index.url"
LONGEST = 2000  # bytes of an address


def placed(folder: Path, address: str = "") -> Index:
    """The index of a board.

    Args:
        folder: of the board, with submissions in it.
        address: such as "postgresql+psycopg://user@host/database"; empty for where it is.

    Raises:
        UserError: for an address that is none.
        OSError: when the folder cannot be read.
    """
    address = address or _kept(folder)
    if not address:
        return SqliteIndex(folder / "index.sqlite")
    return PostgresIndex(address, folder / "submissions")


def keep(folder: Path, address: str) -> None:
    """Have every process find the index there from now on.

    Raises:
        UserError: when the folder cannot be written.
    """
    try:
        if address and address != _kept(folder):
            atomic.write(folder / NAME, f"{address}\n".encode())
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}.") from None


def _kept(folder: Path) -> str:
    try:
        with (folder / NAME).open("rb") as file:
            return file.read(LONGEST).decode(errors="replace").strip()
    except FileNotFoundError:
        return ""
