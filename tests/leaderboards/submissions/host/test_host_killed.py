"""A host that is killed while many submit loses nothing that it has acknowledged."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from test_host import packed

from leapbench.leaderboards.submissions.store import SubmissionStore

CLIENTS, COUNT, SOON = 16, 80, 60.0


def started(board: Path, address: str, log: Path) -> tuple[subprocess.Popen[bytes], int]:
    """`leapbench host` on a free port, and the port."""
    words = [sys.executable, "-m", "leapbench", "host", str(board), "--create", "--port", "0"]
    words += ["--hourly", "100000"] + (["--index", address] if address else [])
    with log.open("wb") as file:
        host = subprocess.Popen(words, stdout=file, stderr=file)
    until = time.monotonic() + SOON
    while host.poll() is None and time.monotonic() < until:
        said = log.read_text()
        if "running on http://" in said:
            return host, int(said.partition("running on http://")[2].split()[0].rpartition(":")[2])
        time.sleep(0.02)
    host.kill()
    raise AssertionError(log.read_text())


def post(port: int, data: bytes) -> tuple[int, dict]:
    """Status and answer; 0 when there was none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SOON)
    try:
        connection.request("POST", "/submissions", data)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except (OSError, http.client.HTTPException):
        return 0, {}
    finally:
        connection.close()


@pytest.mark.parametrize("turns", [1, pytest.param(6, marks=pytest.mark.slow)])
def test_what_was_acknowledged_is_there_and_the_rest_can_be_sent_again(
    tmp_path: Path, address: str, turns: int
) -> None:
    board, bundles = tmp_path / "board", [packed(str(n)) for n in range(COUNT)]
    acknowledged: set[str] = set()
    for turn in range(turns):
        host, port = started(board, address, tmp_path / f"log-{turn}")
        with ThreadPoolExecutor(CLIENTS) as pool:
            answers = [pool.submit(post, port, data) for data in bundles]
            answered = turn * COUNT // (2 * turns) + 5
            while sum(each.done() for each in answers) < answered:
                time.sleep(0.002)
            host.kill()
        host.wait()
        given = [each.result() for each in answers]
        acknowledged |= {answer["id"] for status, answer in given if status in (200, 201)}
        assert {status for status, _ in given} <= {0, 200, 201}
        store = SubmissionStore(board)
        assert store.check() == []
        assert acknowledged <= {identity for identity, _ in store.arrivals()}
    assert 0 < len(acknowledged) < COUNT
    host, port = started(board, address, tmp_path / "log")
    try:
        with ThreadPoolExecutor(CLIENTS) as pool:
            given = list(pool.map(lambda data: post(port, data), bundles))
    finally:
        host.terminate()
        host.wait()
    assert {status for status, _ in given} <= {200, 201}
    assert sorted(answer["attempt"] for _, answer in given) == list(range(1, COUNT + 1))
    store = SubmissionStore(board)
    assert store.check() == []
    assert len(store.arrivals()) == COUNT
    assert list(store.files.incoming.iterdir()) == []
