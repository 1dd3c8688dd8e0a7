"""Many clients at once submit to a hosted board, on either database.

    python benchmarks/host_clients.py --count 1000 --clients 50

Starts `leapbench host` on a new board, the index first in a file and then in a PostgreSQL server of
its own (which waits for the disk, as servers do), and posts bundles of one result over HTTP from so
many clients, each with a connection a bundle. Prints seconds, rate, the time to an answer, and what
is on the board afterwards: rows, numbers of attempts, and what `check` finds. A count that is not
exact, or a submission that was refused, ends it with exit code 1.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

from store_throughput import bundle

from leapbench.leaderboards.submissions.store import SubmissionStore
from leapbench.testing import postgres

ENTRANTS = 50  # of `store_throughput.bundle`


def started(board: Path, index: str, log: Path) -> tuple[subprocess.Popen[bytes], int]:
    """A host on a free port, and the port."""
    words = [sys.executable, "-m", "leapbench", "host", board, "--create", "--port", "0"]
    words += ["--hourly", "1000000"] + (["--index", index] if index else [])
    with log.open("w") as file:
        host = subprocess.Popen([str(word) for word in words], stdout=file, stderr=file)
    while host.poll() is None:
        said = log.read_text()
        if "running on http://" in said:
            return host, int(said.partition("running on http://")[2].split()[0].rpartition(":")[2])
        time.sleep(0.05)
    raise SystemExit(log.read_text())


def post(port: int, data: bytes) -> tuple[int, dict[str, object], float]:
    """Status, answer and seconds."""
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("POST", "/submissions", data)
    answer = connection.getresponse()
    found = json.loads(answer.read())
    connection.close()
    return answer.status, found, time.perf_counter() - began


def measure(what: str, index: str, bundles: list[bytes], clients: int, folder: Path) -> bool:
    """Submit all of them and print what came of it; whether it is as it should be."""
    board = folder / what
    host, port = started(board, index, folder / f"{what}.log")
    try:
        began = time.perf_counter()
        with ThreadPoolExecutor(clients) as pool:
            answers = list(pool.map(lambda data: post(port, data), bundles))
        seconds = time.perf_counter() - began
    finally:
        host.terminate()
        host.wait()
    waited = sorted(spent for *_, spent in answers)
    store = SubmissionStore(board)
    rows, damage = store.submissions(), store.check()
    attempts = sorted(int(str(found.get("attempt", 0))) for _, found, _ in answers)
    expected = sorted(n // ENTRANTS + 1 for n in range(len(bundles)))
    statuses = {status: sum(s == status for s, *_ in answers) for status, *_ in answers}
    print(
        f"{what}: {len(bundles)} submissions by {clients} clients in {seconds:.1f} s, "
        f"{len(bundles) / seconds:.0f} a second; an answer after {statistics.median(waited):.2f} s "
        f"(median), {waited[int(0.99 * len(waited))]:.2f} s (99 %); answers {statuses}; "
        f"{len(rows)} rows, attempts {'exact' if attempts == expected else 'WRONG'}, "
        f"{len(damage)} problems",
        flush=True,
    )
    good = statuses == {201: len(bundles)} and len(rows) == len(bundles)
    return good and attempts == expected and not damage


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=None, help="where to write; a real disk")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    asked = parser.parse_args()
    bundles = [bundle(number, 1) for number in range(asked.count)]
    good = True
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        for what in [asked.only] if asked.only else ["sqlite", "postgresql"]:
            if what == "postgresql" and postgres.trouble():
                print(f"postgresql: left out, {postgres.trouble()}")
                continue
            with postgres.server(durable=True) if what == "postgresql" else nullcontext("") as at:
                index = postgres.database(at) if at else ""
                good &= measure(what, index, bundles, asked.clients, Path(folder))
    sys.exit(not good)


if __name__ == "__main__":
    main()
