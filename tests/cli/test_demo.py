"""The first look: rows of one's own, a claim judged by them, and a page."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from leapbench.cli import demo


def test_the_demo_judges_a_claim_by_rows_it_made_and_writes_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid, agents, _, why = demo.SHOWN[0]
    monkeypatch.setattr(demo, "SHOWN", ((grid, agents, 2, why),))
    monkeypatch.setattr(demo, "FRAMES", 2)
    done = CliRunner().invoke(demo.command, ["--out", str(tmp_path / "first")])
    assert done.exit_code == 0, done.output
    assert "by 2 seeds of yours" in done.output
    page = (tmp_path / "first" / "index.html").read_text(encoding="utf-8")
    assert done.output.rstrip().endswith("leapbench list")
    assert str(tmp_path / "first" / "index.html") in done.output
    for word in ("moss-tabular-min", "by 2 seeds of yours", "world.gif"):
        assert word in page
    assert (tmp_path / "first" / "world.gif").stat().st_size > 1000


def test_what_to_type_next_is_a_path_where_the_shell_would_not_find_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / ".venv" / "bin" / "leapbench"
    own.parent.mkdir(parents=True)
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [str(own)])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert demo._typed() == ".venv/bin/leapbench"
    monkeypatch.setenv("PATH", str(own.parent))
    assert demo._typed() == "leapbench"
