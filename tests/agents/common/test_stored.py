"""Networks that were trained elsewhere: read whole, checked, run and metered by the suite."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save, save_file

from leapbench.agents.common.stored import file as files
from leapbench.agents.common.stored.weights import Weights, restore
from leapbench.agents.earlyexit.common import networks
from leapbench.contract import registry
from leapbench.contract.agent import LearningPhase
from leapbench.contract.files import sha256
from leapbench.contract.meter import Meter, MeteredStream
from leapbench.contract.task import Budget
from leapbench.errors import InvalidOutput, UserError
from leapbench.macs import count
from leapbench.running import cell
from leapbench.running.cell import Cell
from leapbench.running.composition import compose
from leapbench.tasks.earlyexit.outputs import predictions_of
from leapbench.tasks.earlyexit.splits import Split

DIGITS = registry.task("earlyexit/digits")
SHAPES = DIGITS.protocols["smoke"].settings["networks"]


def phase() -> LearningPhase:
    """The training phase, with few samples."""
    meter = Meter(Budget(unit="samples", limit=100))
    data = MeteredStream(np.zeros((4, 1, 16, 16), np.float32), np.zeros(4, np.int64), meter)
    return LearningPhase("train", meter, 0, {"networks": SHAPES}, data)


def stored(folder: Path, kind: str = "msdnet", **change: Any) -> Path:
    """A file with the weights of a fresh network, some of them changed."""
    state = {
        k: v.contiguous() for k, v in networks.build(kind, SHAPES[kind], 3).state_dict().items()
    }
    path = folder / "My net.safetensors"
    save_file({k: v for k, v in (state | change).items() if v is not None}, path)
    return path


@pytest.mark.parametrize("kind", sorted(SHAPES))
def test_weights_are_restored_bit_by_bit_and_nothing_is_spent(kind: str, tmp_path: Path) -> None:
    path = stored(tmp_path, kind)
    part, opened = Weights(kind, sha256(path), str(path)), phase()
    part.learn(opened)
    assert opened.meter.used == 0
    (tmp_path / "kept").mkdir()
    part.save(tmp_path / "kept")
    assert (tmp_path / "kept" / "network.safetensors").read_bytes() == path.read_bytes()
    path.unlink()
    again = Weights(kind)
    again.load(tmp_path / "kept")
    images = torch.randn(3, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    expected = networks.build(kind, SHAPES[kind], 3).eval()(images)
    assert all(torch.equal(a, b) for a, b in zip(again.network(images), expected, strict=True))
    assert not again.network.training


KEY = "heads.0.linear.weight"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({KEY: None}, f"'{KEY}' is missing"),
        ({"extra": torch.ones(1)}, "'extra' is not one of its keys"),
        ({KEY: torch.ones(10, 31)}, rf"'{KEY}' has shape \(10, 31\), expected \(10, 32\)"),
        ({KEY: torch.ones(10, 32).half()}, f"'{KEY}' is float16, expected float32"),
        ({KEY: torch.full((10, 32), torch.nan)}, f"'{KEY}' holds values that are not finite"),
        ({"a" * 500 + "\x1b[2J": torch.ones(1)}, r"'a{77}\.\.\.' is not one"),
    ],
)
def test_the_first_wrong_key_is_named(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    part = Weights("msdnet", path=str(stored(tmp_path, **change)))
    with pytest.raises(UserError, match=message):
        part.learn(phase())


@pytest.mark.parametrize(
    "data",
    [b"", b"\x08", b"PK\x03\x04" * 9, b"\xff" * 64, (10**9).to_bytes(8, "little") + b"{}"],
    ids=["empty", "short", "zip", "ones", "long header"],
)
def test_what_is_no_safetensors_is_told(data: bytes) -> None:
    with pytest.raises(UserError, match="cannot be read as safetensors"):
        restore("msdnet", SHAPES["msdnet"], data, "x")


def test_a_header_that_lies_is_told() -> None:
    whole = save({"a": torch.ones(4)})
    size = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8 : 8 + size])
    header["a"] |= {"shape": [2**40], "data_offsets": [0, 2**42]}
    text = json.dumps(header).encode()
    with pytest.raises(UserError, match="cannot be read as safetensors"):
        restore("msdnet", SHAPES["msdnet"], len(text).to_bytes(8, "little") + text + b"0" * 16, "x")


def test_a_file_is_the_one_that_was_declared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stored(tmp_path)
    declared = sha256(path)
    assert files.read(str(path), declared) == path.read_bytes()
    path.write_bytes(path.read_bytes() + b" ")
    assert sha256(path) != declared
    with pytest.raises(UserError, match="has changed"):
        files.read(str(path), declared)
    with pytest.raises(UserError, match="larger than the 100 bytes"):
        files.read(str(path), "", limit=100)
    with pytest.raises(UserError, match="no file"):
        files.read(str(tmp_path / "none"), "")


def test_another_network_is_told(tmp_path: Path) -> None:
    path = stored(tmp_path)
    with pytest.raises(UserError, match="Did you mean 'msdnet'"):
        Weights("msdnett", path=str(path)).learn(phase())
    with pytest.raises(UserError, match="do not fit this protocol's ranet: 'stem"):
        Weights("ranet", path=str(path)).learn(phase())


def test_a_prediction_cache_is_what_the_network_says(tmp_path: Path) -> None:
    part = Weights("msdnet", path=str(stored(tmp_path)))
    part.learn(phase())
    images = np.random.default_rng(0).standard_normal((7, 1, 16, 16)).astype(np.float32)
    predictions = predictions_of(part.network, Split(images, np.arange(7)), "x")
    with torch.inference_mode():
        logits = part.network(torch.from_numpy(images))
    expected = torch.stack([z.softmax(1) for z in logits], 1)
    assert np.allclose(predictions.probabilities, expected, atol=1e-6)
    assert predictions.costs.tolist() == count(part.network, (1, 16, 16))


def test_logits_that_are_not_finite_are_invalid(tmp_path: Path) -> None:
    variances = "stem.scales.0.1.running_var"
    part = Weights("msdnet", path=str(stored(tmp_path, **{variances: -torch.ones(4)})))
    part.learn(phase())
    with pytest.raises(InvalidOutput, match="a logit of exit 1 is not finite"):
        predictions_of(part.network, Split(np.ones((2, 1, 16, 16), np.float32), np.arange(2)), "x")


def test_a_run_is_scored_and_not_ranked_and_does_not_depend_on_the_place(tmp_path: Path) -> None:
    path = stored(tmp_path)
    done = cell.run(
        Cell("earlyexit/digits", "smoke", f"weights:msdnet:{path}", 0, (), tmp_path / "runs"),
        lambda fraction, line: None,
    )
    assert done.status == "ok", done.message
    assert done.agent.name == "weights:msdnet:My net.safetensors+confidence"
    assert not done.agent.ranked
    assert done.budget[0].used == 0
    assert "trained elsewhere" in compose(DIGITS, f"weights:msdnet:{path}").parts["model"].summary
    elsewhere = tmp_path / "elsewhere" / path.name
    elsewhere.parent.mkdir()
    path.rename(elsewhere)
    assert compose(DIGITS, f"weights:msdnet:{elsewhere}").record() == done.agent


# --- exported graphs


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a network trained by the suite, as weights and as a graph."""
    for name in ("onnx", "onnxruntime"):
        pytest.importorskip(name, reason='needs pip install "leapbench[onnx]"')
    from leapbench.graphs.export import export

    folder = tmp_path_factory.mktemp("twins")
    trained = Cell("earlyexit/digits", "smoke", "msdnet", 0, ("lr_factor=1.5",), folder / "runs")
    _, parts = cell.learned(trained, ["model"])
    network: Any = parts["model"].network
    save_file(
        {k: v.contiguous() for k, v in network.state_dict().items()}, folder / "n.safetensors"
    )
    export(network, (1, 16, 16), folder / "n.onnx")
    return folder


def test_a_graph_scores_as_its_weights_do(twins: Path) -> None:
    texts = (f"weights:msdnet:{twins}/n.safetensors", f"onnx:{twins}/n.onnx")
    plain, graph = (
        cell.run(
            Cell("earlyexit/digits", "smoke", text, 0, (), twins / "runs"),
            lambda fraction, line: None,
        )
        for text in texts
    )
    assert graph.status == plain.status == "ok", graph.message
    assert graph.agent.name == "onnx:n.onnx+confidence"
    assert not graph.agent.ranked
    assert graph.budget[0].used == 0
    costs = [[row["multiply_adds"] for row in r.details["anytime"]] for r in (plain, graph)]
    assert costs[0] == costs[1]
    assert graph.score == pytest.approx(plain.score, abs=2e-3)
    assert graph.score > 0.7
    pairs = zip(plain.details["anytime"], graph.details["anytime"], strict=True)
    assert all(a["accuracy"] == pytest.approx(b["accuracy"], abs=2e-3) for a, b in pairs)


def test_a_graph_is_saved_and_loaded_and_checked_when_used(twins: Path, tmp_path: Path) -> None:
    from leapbench.agents.common.stored.graph import Graph

    path = twins / "n.onnx"
    part, opened = Graph(sha256(path), str(path)), phase()
    part.learn(opened)
    assert opened.meter.used == 0
    part.save(tmp_path)
    again = Graph()
    again.load(tmp_path)
    assert again.network.data == path.read_bytes()
    images = np.ones((2, 1, 16, 16), np.float32)
    pairs = zip(part.network.logits(images), again.network.logits(images), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)
    (tmp_path / "network.onnx").write_bytes(b"no")
    again.load(tmp_path)
    with pytest.raises(UserError, match=r"network\.onnx cannot be used"):
        again.network.logits(images)


def test_a_graph_for_another_protocol_is_told(twins: Path) -> None:
    from leapbench.agents.common.stored.graph import Graph

    part, opened = Graph(path=str(twins / "n.onnx")), phase()
    opened.data.images = np.zeros((4, 3, 16, 16), np.float32)
    with pytest.raises(UserError, match=r"size \(1, 16, 16\), these are \(3, 16, 16\)"):
        part.learn(opened)
    opened = phase()
    opened.settings = {"networks": {"msdnet": SHAPES["msdnet"] | {"classes": 100}}}
    with pytest.raises(UserError, match="outputs of 10 classes, this protocol has 100"):
        part.learn(opened)


def test_the_example_exports_what_it_is_given(twins: Path) -> None:
    example = Path(__file__).resolve().parents[3] / "examples" / "export_model.py"
    done = subprocess.run(
        [sys.executable, example, "--weights", twins / "n.safetensors", "--out", twins / "e.onnx"],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"leapbench run earlyexit/digits onnx:{twins}/e.onnx"
    assert (twins / "e.onnx").read_bytes() == (twins / "n.onnx").read_bytes()
