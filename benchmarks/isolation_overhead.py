"""What an agent in a process of its own costs: microseconds a call, seconds a start.

The same agent, which answers zeros, is called in this process, in a guest, and, as a
peer, over a `multiprocessing.Pipe` that pickles observations and actions. Run it as

    OMP_NUM_THREADS=1 python benchmarks/isolation_overhead.py

Medians of interleaved rounds; the guest has every protection of the machine.
"""

from __future__ import annotations

import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from leapbench.isolation.limits import Limits
from leapbench.isolation.part import RemotePart
from leapbench.isolation.remote import GuestProcess

CASES = {
    "14 float32": ((14,), np.float32),
    "84 x 84 x 4 uint8": ((84, 84, 4), np.uint8),
}
BATCHES = (1, 64, 1024)
ROUNDS, STARTS = 15, 9
SECONDS = 0.05  # of each round
ZEROS = """
import numpy as np
{imports}

class Zeros:
    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        return np.zeros(len(observation), np.int64), state
"""

Call = Callable[[np.ndarray], Any]


def zeros(observation: np.ndarray) -> np.ndarray:
    return np.zeros(len(observation), np.int64)


def peer(connection: Connection) -> None:
    """Answer pickled observations until told to stop."""
    while (observation := connection.recv()) is not None:
        connection.send(zeros(observation))


def seconds(call: Call, observation: np.ndarray, times: int) -> float:
    begun = time.perf_counter()
    for _ in range(times):
        call(observation)
    return (time.perf_counter() - begun) / times


def compare(calls: dict[str, Call], observation: np.ndarray) -> dict[str, float]:
    """Median seconds of each call, in rounds that take turns."""
    times = {n: max(1, int(SECONDS / seconds(c, observation, 5))) for n, c in calls.items()}
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            found[name].append(seconds(call, observation, times[name]))
    return {name: statistics.median(each) for name, each in found.items()}


def calls(folder: Path) -> None:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=peer, args=(theirs,))
    process.start()

    def pickled(observation: np.ndarray) -> np.ndarray:
        ours.send(observation)
        answer: np.ndarray = ours.recv()
        return answer

    print(
        f"{'observation':18} {'batch':>5} {'in process':>11} {'guest':>9} {'Pipe':>9} {'ratio':>6}"
    )
    print(f"{'':18} {'':5} {'µs':>11} {'µs':>9} {'µs':>9} {'guest/Pipe':>10}")
    with GuestProcess(written(folder, ""), "Zeros", {}, Limits(wall=3600, cpu=3600)) as guest:
        part = RemotePart(guest)
        for name, (shape, dtype) in CASES.items():
            for batch in BATCHES:
                observation = np.ones((batch, *shape), dtype)
                found = compare(
                    {"here": zeros, "guest": part.predict, "pipe": pickled}, observation
                )
                micro = {key: 1e6 * value for key, value in found.items()}
                print(
                    f"{name:18} {batch:5} {micro['here']:11.1f} {micro['guest']:9.1f} "
                    f"{micro['pipe']:9.1f} {micro['guest'] / micro['pipe']:10.2f}"
                )
        print(f"\nGuest: {guest.isolation}")
    ours.send(None)
    process.join()


def written(folder: Path, imports: str) -> Path:
    file = folder / "zeros.py"
    file.write_text(ZEROS.format(imports=imports))
    return file


def starts(folder: Path) -> None:
    print("\nStart, build and end of a guest, seconds")
    for imports in ("", "import leapbench.contract.agent", "import torch"):
        file, found = written(folder, imports), []
        for _ in range(STARTS):
            begun = time.perf_counter()
            with GuestProcess(file, "Zeros", {}) as guest:
                _ = guest.sandbox
            found.append(time.perf_counter() - begun)
        print(f"{imports or 'NumPy alone':24} {statistics.median(found):.3f}")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        calls(Path(folder))
        starts(Path(folder))


if __name__ == "__main__":
    main()
