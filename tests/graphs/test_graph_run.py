"""The host's side: exact outputs, and a verdict whatever the worker does."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from graph_files import COSTS, IMAGE, between, made, model, ones

from leapbench.agents.earlyexit.common import networks
from leapbench.contract import registry
from leapbench.errors import AgentError, DeadlineExceeded, InvalidOutput, UserError
from leapbench.graphs import run, wire
from leapbench.graphs.export import export
from leapbench.graphs.run import ExportedNetwork
from leapbench.graphs.worker import seconds
from leapbench.isolation.sandbox import VARIABLES
from leapbench.tasks.earlyexit.outputs import predictions_of
from leapbench.tasks.earlyexit.splits import Split

SMALL = model().SerializeToString()
SHAPES = registry.task("earlyexit/digits").protocols["smoke"].settings["networks"]


def images(count: int, size: tuple[int, int, int] = IMAGE) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((count, *size)).astype(np.float32)


@pytest.mark.parametrize("kind", sorted(SHAPES))
def test_logits_are_those_of_the_module(kind: str, tmp_path: Path) -> None:
    network, path = networks.build(kind, SHAPES[kind], 5).eval(), tmp_path / "n.onnx"
    export(network, tuple(SHAPES[kind]["image"]), path)
    batch = images(30, tuple(SHAPES[kind]["image"]))
    given = ExportedNetwork(path.read_bytes(), "it").logits(batch)
    with torch.inference_mode():
        expected = network(torch.from_numpy(batch))
    assert len(given) == len(expected)
    for a, b in zip(given, expected, strict=True):
        assert a.dtype == np.float32
        assert np.allclose(a, b, atol=1e-5, rtol=1e-5)


def test_an_image_is_run_as_if_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    network, batch = ExportedNetwork(SMALL, "it"), images(23)
    whole = network.logits(batch)
    assert [z.shape for z in whole] == [(23, 5), (23, 5)]
    order = np.random.default_rng(1).permutation(23)
    monkeypatch.setattr(run, "BATCH", 7)
    again = ExportedNetwork(SMALL, "it").logits(batch[order])
    assert all(np.array_equal(a[order], b) for a, b in zip(whole, again, strict=True))


def test_a_prediction_cache_of_a_graph() -> None:
    batch = images(9)
    predictions = predictions_of(ExportedNetwork(SMALL, "it"), Split(batch, np.arange(9) % 5), "x")
    assert predictions.costs.tolist() == COSTS
    logits = np.stack(ExportedNetwork(SMALL, "it").logits(batch), 1)
    odds = np.exp(logits - logits.max(2, keepdims=True))
    assert np.allclose(predictions.probabilities, odds / odds.sum(2, keepdims=True), atol=1e-6)


def test_outputs_that_are_not_finite_are_invalid() -> None:
    graph = between(made("Sub", "b far", "d"), made("Sqrt", "d", "b2"), far=np.array(9e9, "f4"))
    network = ExportedNetwork(graph.SerializeToString(), "it")
    with pytest.raises(InvalidOutput, match="a logit of exit 1 is not finite"):
        predictions_of(network, Split(images(3), np.arange(3)), "x")


def test_other_images_are_told() -> None:
    with pytest.raises(UserError, match=r"\(3, 8, 8\), these are \(1, 8, 8\)"):
        ExportedNetwork(SMALL, "it").logits(images(2, (1, 8, 8)))


@pytest.mark.parametrize("missing", ["onnx", "onnxruntime"])
def test_without_the_extra_it_says_what_to_install(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "find_spec", lambda name: None if name == missing else object())
    with pytest.raises(UserError, match=rf'{missing}\. .*pip install "leapbench\[onnx\]"'):
        _ = ExportedNetwork(SMALL, "it").facts


def test_the_worker_ends_with_its_network() -> None:
    network = ExportedNetwork(SMALL, "it")
    network.logits(images(1))
    process = psutil.Process(network._started[0].pid)
    assert process.is_running()
    del network
    gc.collect()
    assert not process.is_running()


def test_the_worker_sees_nothing_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAPBENCH_SECRET", "salt")
    network = ExportedNetwork(SMALL, "it")
    _ = network.facts
    process = psutil.Process(network._started[0].pid)
    process = next(iter(process.children()), process)  # bubblewrap and what runs in it
    assert process.environ().keys() <= {"LD_LIBRARY_PATH", "HOME", "TMPDIR", "PWD", *VARIABLES}
    if sys.platform == "linux":
        memory, _ = process.rlimit(psutil.RLIMIT_AS)  # type: ignore[attr-defined]
        assert memory == 2 * 2**30 + 10 * len(SMALL)
    assert process.num_threads() <= 2


FACTS = b'{"input":"x","image":[3,8,8],"classes":5,"multiply_adds":[1,2]}'
HEAD = "import sys,os,time;o=sys.stdout.buffer;i=sys.stdin.buffer;i.read(1);"
ANSWER = f"o.write(b'+'+len({FACTS!r}).to_bytes(8,'little')+{FACTS!r});o.flush();"
START = subprocess.Popen
DRAIN = f"i.read({9 + len(SMALL) - 1 + 9});"


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a few lines of Python in the worker's place."""

    def replace(code: str) -> None:
        monkeypatch.setattr(
            run.subprocess,
            "Popen",
            lambda command, **options: START([sys.executable, "-c", HEAD + code], **options),
        )

    return replace


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("sys.exit(3)", "ended with code 3"),
        ("os.abort()", r"was ended by signal 6 \(Aborted\)"),
        ("os.kill(os.getpid(), 11)", "was ended by signal 11"),
        ("o.write(b'hello world')", "ended with code 0"),
        ("o.write(b'+'+(2**62).to_bytes(8,'little'));o.flush();time.sleep(99)", "no proper answer"),
        ("o.write(b'+'+(9).to_bytes(8,'little')+b'{\"a\": 1}\\n')", "no proper answer"),
        ("o.write(b'-'+(2).to_bytes(8,'little')+b'no')", "no proper answer"),
    ],
)
def test_a_worker_that_fails_while_it_reads_is_told(
    worker: Callable[[str], None], code: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "PATIENCE", 0.5)
    worker(code)
    with pytest.raises(UserError, match=f"it cannot be used: .*{message}"):
        _ = ExportedNetwork(SMALL, "it").facts


@pytest.mark.parametrize(
    ("code", "error", "message"),
    [
        ("os.abort()", AgentError, r"was ended by signal 6 \(Aborted\)"),
        ("o.write(b'+'+(9).to_bytes(8,'little')+b'123456789')", InvalidOutput, "gave 9 bytes"),
        ("o.write(b'-'+(15).to_bytes(8,'little')+b'{\"message\":\"no\"}')", AgentError, "no pr"),
    ],
)
def test_a_worker_that_fails_while_it_runs_is_told(
    worker: Callable[[str], None], code: str, error: type[Exception], message: str
) -> None:
    worker(ANSWER + DRAIN + code)
    network = ExportedNetwork(SMALL, "it")
    with pytest.raises(error, match=message):
        network.logits(images(2))


def test_a_worker_that_hangs_meets_the_deadline(
    worker: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "seconds", lambda multiply_adds: 1)
    worker(ANSWER + DRAIN + "time.sleep(99)")
    network, started = ExportedNetwork(SMALL, "it"), time.monotonic()
    with pytest.raises(DeadlineExceeded, match="took more than 1 seconds"):
        network.logits(images(2))
    assert time.monotonic() - started < 30
    worker("time.sleep(99)")
    with pytest.raises(UserError, match="cannot be used: it took more than 1 seconds"):
        _ = ExportedNetwork(SMALL, "it").facts


def test_time_is_given_for_the_work_there_is() -> None:
    assert seconds(0) == 60
    assert seconds(10**11) == 60 + 1000
    assert seconds(10**40) == 24 * 3600


def test_memory_of_the_worker_is_bounded() -> None:
    code = (
        "import sys; from leapbench.graphs import worker; worker._limit_memory(0)\n"
        "try: x = bytearray(2 * 2**30)\nexcept MemoryError: sys.exit(7)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 7


@pytest.mark.sandbox
def test_a_worker_runs_in_the_sandbox_that_guests_have() -> None:
    process, _ = ExportedNetwork(SMALL, "it")._started
    assert process.args[0] == "bwrap"  # type: ignore[index]


def test_frames_that_are_none_are_told(tmp_path: Path) -> None:
    path = tmp_path / "frames"
    for data in (b"", b"+", b"x" + bytes(8), b"+\x05" + bytes(7) + b"1234", b"+" + b"\xff" * 8):
        path.write_bytes(data)
        with path.open("rb") as stream, pytest.raises(EOFError):
            wire.receive(stream, 1000)
    with path.open("wb") as stream:
        wire.send(stream, wire.DATA, b"ab", np.zeros(2, np.float32).data)
    with path.open("rb") as stream:
        assert wire.receive(stream, 1000) == (b"+", b"ab" + bytes(8))


def test_a_large_graph_is_read_within_the_limits() -> None:
    wide = model(
        w=ones(2000, 3, 3, 3), v=ones(2000, 2000, 3, 3), m=ones(2000, 5), n=ones(2000, 5)
    ).SerializeToString()
    assert len(wide) > 130 * 2**20
    facts = ExportedNetwork(wide, "it").facts
    assert facts.multiply_adds[0] == 3 * 9 * 2000 * 64 + 2000 * 5


def test_nothing_is_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("no /proc here")
    gc.collect()
    before = len(list(folder.iterdir()))
    for _ in range(3):
        _ = ExportedNetwork(SMALL, "it").facts
        with pytest.raises(UserError):
            _ = ExportedNetwork(b"", "it").facts
    gc.collect()
    assert len(list(folder.iterdir())) <= before
    assert os.environ.get("PATH")
