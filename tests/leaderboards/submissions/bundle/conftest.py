"""Opens a bundle that must be refused, and looks at what that left and took."""

from __future__ import annotations

import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from leapbench.leaderboards.submissions.bundle.read import open_bundle
from leapbench.leaderboards.submissions.bundle.refusal import Refused

PEAK = 8 * 2**20  # bytes that a refusal may take at most


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], Refused]:
    """The refusal of a bundle."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(work))

    def attempt(data: bytes) -> Refused:
        path = tmp_path / "bundle.zip"
        path.write_bytes(data)
        tracemalloc.start()
        try:
            with pytest.raises(Refused) as caught:
                open_bundle(path)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < PEAK, f"{peak} bytes"
        assert list(work.iterdir()) == []
        assert [file.name for file in sorted(tmp_path.iterdir())] == ["bundle.zip", "work"]
        assert len(caught.value.subject) == 64
        assert "\n" not in caught.value.message
        assert len(caught.value.message) < 1000
        return caught.value

    return attempt


@pytest.fixture
def check(refused: Callable[[bytes], Refused]) -> Callable[[bytes], str]:
    """The check that a bundle fails."""
    return lambda data: refused(data).check
