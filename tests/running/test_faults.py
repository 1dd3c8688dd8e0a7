"""Whatever an agent raises is a row that can be read; faults of the machine are no rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from leapbench.results import result
from leapbench.running import cell
from leapbench.running.cell import Cell

pytestmark = pytest.mark.usefixtures("plugin")

AGENT = """
class Bad:
    def learn(self, phase): pass
    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        raise ValueError({said!r})
    def save(self, folder): pass
    def load(self, folder): pass
"""


@pytest.mark.parametrize("said", ["\\udcff", "\x1b[31m", "\u202e", "a\nb", "x" * 10**5, "", "\0"])
def test_a_failed_row_can_be_read_whatever_was_said(tmp_path: Path, said: str) -> None:
    file = tmp_path / "bad.py"
    file.write_text(AGENT.format(said=said).replace("\\\\u", "\\u"))
    asked = Cell("coins/small", "smoke", f"{file}:Bad", 0, (), tmp_path / "runs")
    done = cell.run(asked, lambda fraction, line: None)
    found = result.read(asked.path)
    assert found.status == done.status == "failed"
    assert found.message.startswith("ValueError")
    assert found.message.isprintable()
