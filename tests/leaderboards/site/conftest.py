"""A site built once for the tests that only look at it."""

from __future__ import annotations

from pathlib import Path

import pytest
import sites

from leapbench.leaderboards import sources
from leapbench.leaderboards.site.build import build

pytest.importorskip("matplotlib", reason="the site's plots need Matplotlib")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site of synthetic results alone."""
    root = tmp_path_factory.mktemp("site")
    runs = sites.write(root / "runs", sites.some())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "committed_root", lambda: None)
        build(root / "site", runs)
    return root / "site"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No committed rows, which a test of one detail does not need."""
    monkeypatch.setattr(sources, "committed_root", lambda: None)
