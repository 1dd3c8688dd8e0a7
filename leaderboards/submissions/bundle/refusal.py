"""The error for a bundle that is not taken, and the limits that a bundle keeps to."""

from __future__ import annotations

from leapbench.errors import UserError

FILE_BYTES = 256 * 2**20  # bytes of the archive
UNPACKED_BYTES = 512 * 2**20  # bytes of all files in it together
RATIO = 200  # times that an archive may grow when unpacked ...
RATIO_FREE_BYTES = 16 * 2**20  # ... beyond so many bytes, which cost nobody anything
ENTRIES = 1_200  # files in the archive
MANIFEST_BYTES = 2**20  # bytes of manifest.json
SIGNATURE_BYTES = 1_000  # bytes of signature.json
RESULTS_BYTES = 16 * 2**20  # bytes of all results together; each has its own limit
CODE_BYTES = 2**20  # bytes of a part that is code


class Refused(UserError):
    """A bundle that is not taken.

    Args:
        check: short name of what did not pass, such as "paths" or "hashes".
        message: what was wrong and what was expected.
        hint: what to type instead, if known.
        subject: SHA-256 of the file as far as it was read; empty when not known.
    """

    def __init__(
        self, check: str, message: str, hint: str | None = None, subject: str = ""
    ) -> None:
        super().__init__(message, hint)
        self.check, self.subject = check, subject


def limit(what: str, value: int, most: int, unit: str = "bytes") -> None:
    """Refuse more than `most` of something.

    Raises:
        Refused: with the check "size".
    """
    if value > most:
        raise Refused("size", f"{what} has {value:,} {unit}, at most {most:,} are allowed.")
