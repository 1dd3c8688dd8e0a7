"""The tutorial, followed literally in an empty folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parent.parent / "docs" / "tutorial.md"


def blocks(language: str) -> list[str]:
    """Code of the page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_every_command_of_the_tutorial_works(tmp_path: Path) -> None:
    (agent,) = blocks("python")
    (tmp_path / "my_agent.py").write_text(agent)
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    commands = [line for block in blocks("bash") for line in block.splitlines()]
    assert len(commands) >= 9
    for line in commands:
        words = ["bash", "-c", line]
        done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
        if " board " in line and "--out" not in line:
            assert "my_agent.py:Curious" in done.stdout
    assert {"URLB-EntropyGrid-v0.gif", "board.html"} <= {p.name for p in tmp_path.iterdir()}
    again = "leapbench run urlb/entropy-grid my_agent.py:Curious --seeds 0 --quiet --out again"
    subprocess.run(["bash", "-c", again], cwd=tmp_path, env=env, check=True)
    (second,) = (tmp_path / "again").rglob("seed-0.json")
    first = tmp_path / "runs" / second.relative_to(tmp_path / "again")
    # The page's agent draws from its seed alone.
    assert json.loads(first.read_text())["episodes"] == json.loads(second.read_text())["episodes"]
