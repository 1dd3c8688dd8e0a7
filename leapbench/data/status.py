"""What is here and what is not: for `leapbench data` and `leapbench doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from leapbench.data.files import content, existing
from leapbench.data.locate import Location, find
from leapbench.data.spec import DataSet, get, names
from leapbench.errors import UserError

Checksum = Literal["verified", "mismatch", "unchecked", "unpublished", "absent"]


@dataclass(frozen=True)
class Status:
    """State of one data set on this machine.

    Attributes:
        dataset: its declaration.
        location: where it was found, or None.
        bytes: size of its files on disk; 0 when absent or not made of listed files.
        checksum: "verified" or "mismatch" after checking; "unchecked" when not
            asked to; "unpublished" when no checksum is known for this layout;
            "absent" when not found.
        problem: what is wrong with a mismatching file, else empty.
    """

    dataset: DataSet
    location: Location | None
    bytes: int
    checksum: Checksum
    problem: str = ""

    @property
    def how(self) -> str:
        """One line on how to get the data set."""
        automatic = sum(item.bytes for item in self.dataset.downloads)
        if not automatic:
            return self.dataset.how
        return f"Downloaded on first use ({automatic / 1e6:.0f} MB). By hand: {self.dataset.how}"


def status(verify: bool = False) -> list[Status]:
    """State of every known data set, in the order of their names.

    Args:
        verify: read the found files and compare their checksums (seconds).
    """
    return [_status(get(name), verify) for name in names()]


def _status(dataset: DataSet, verify: bool) -> Status:
    location = find(dataset)
    if location is None:
        return Status(dataset, None, 0, "absent")
    root, files = location.root, location.layout.files
    size = sum(path.stat().st_size for file in files if (path := existing(root, file.name)))
    fingerprints = location.layout.fingerprints
    if not fingerprints and not any(file.sha256 for file in files):
        return Status(dataset, location, size, "unpublished")
    if not verify:
        return Status(dataset, location, size, "unchecked")
    from leapbench.data.loading import load

    try:
        for file in files:
            content(root, file)
        for split in fingerprints:
            load(dataset, split)
    except UserError as error:
        return Status(dataset, location, size, "mismatch", str(error))
    return Status(dataset, location, size, "verified")
