"""Submitted models: the suite builds, meters and runs them, or refuses them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import save_file

from leapbench.agents.earlyexit.common import networks
from leapbench.contract import registry
from leapbench.leaderboards.submissions import gather as submission
from leapbench.leaderboards.submissions.bundle.manifest import Entrant
from leapbench.leaderboards.submissions.bundle.pack import described, pack
from leapbench.leaderboards.submissions.bundle.read import open_bundle
from leapbench.leaderboards.submissions.verify.again import Wanted
from leapbench.leaderboards.submissions.verify.verify import verify_bundle
from leapbench.leaderboards.verdict import Verdict
from leapbench.results import result
from leapbench.running import cell
from leapbench.running.plan import plan

TASK = "earlyexit/digits"
SHAPE = registry.task(TASK).protocols["smoke"].settings["networks"]["msdnet"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def weights(folder: Path) -> Path:
    """Weights of an untrained network."""
    state = networks.build("msdnet", SHAPE, 0).state_dict()
    save_file({k: v.contiguous() for k, v in state.items()}, folder / "net.safetensors")
    return folder / "net.safetensors"


@pytest.fixture(scope="module")
def graph(folder: Path) -> Path:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from leapbench.graphs.export import export

    network = networks.build("msdnet", SHAPE, 0).eval()
    export(network, (1, 16, 16), folder / "net.onnx")
    return folder / "net.onnx"


def bundled(agent: str, folder: Path) -> Path:
    """A bundle of a real run."""
    runs = folder / "runs"
    (each,) = plan(TASK, "smoke", [f"{agent}+fixed-exit-2"], "0", (), runs)
    cell.run(each, lambda fraction, line: None)
    rows = submission.gather(TASK, f"{agent}+fixed-exit-2", "smoke", runs)
    path = folder / "bundle.zip"
    path.write_bytes(submission.bundle(rows, Entrant(name="someone"), None))
    return path


def swapped(path: Path, data: bytes) -> Path:
    """The bundle with another model under the same rows, every hash made to fit."""
    honest = open_bundle(path)
    files = {name: honest.read(name) for name in honest.manifest.files}
    model, acting = honest.manifest.parts
    digest = hashlib.sha256(data).hexdigest()
    changes = {"config": model.config | {"sha256": digest}, "file_hash": digest[:16]}
    files[model.file] = data
    (row,) = honest.results()
    first, second = row.agent.parts
    record = row.agent.model_copy(update={"parts": (first.model_copy(update=changes), second)})
    target = path.with_name("row.json")
    result.write(row.model_copy(update={"agent": record}), target)
    files[honest.manifest.results[0]] = target.read_bytes()
    parts = (model.model_copy(update=changes), acting)
    manifest = honest.manifest.model_copy(update={"parts": parts, "files": described(files)})
    path.write_bytes(pack(manifest, files))
    return path


def verified(path: Path) -> Verdict:
    # No tolerance: two untrained networks are equally bad.
    return verify_bundle(path, Wanted(tolerance=0.0), lambda fraction, line: None)


def test_weights_reproduce_and_are_not_ranked(weights: Path, tmp_path: Path) -> None:
    path = bundled(f"weights:msdnet:{weights}", tmp_path)
    assert verified(path).level == "reproduced"
    assert not open_bundle(path).results()[0].agent.ranked


def test_other_weights_under_the_same_rows_are_refused(weights: Path, tmp_path: Path) -> None:
    path = bundled(f"weights:msdnet:{weights}", tmp_path)
    state = networks.build("msdnet", SHAPE, 1).state_dict()
    other = tmp_path / "other.safetensors"
    save_file({k: v.contiguous() for k, v in state.items()}, other)
    verdict = verified(swapped(path, other.read_bytes()))
    assert verdict.level == "refused"
    assert "not reproduced" in verdict.rows[0].reason


def test_weights_of_another_network_are_refused(weights: Path, tmp_path: Path) -> None:
    path = bundled(f"weights:msdnet:{weights}", tmp_path)
    wider = networks.build("msdnet", dict(SHAPE) | {"channels": 16}, 0).state_dict()
    other = tmp_path / "other.safetensors"
    save_file({k: v.contiguous() for k, v in wider.items()}, other)
    verdict = verified(swapped(path, other.read_bytes()))
    assert verdict.level == "refused"
    assert "do not fit" in verdict.rows[0].reason


@pytest.mark.sandbox
def test_a_graph_reproduces(graph: Path, tmp_path: Path) -> None:
    assert verified(bundled(f"onnx:{graph}", tmp_path)).level == "reproduced"


@pytest.mark.sandbox
def test_a_graph_that_is_none_is_refused(graph: Path, tmp_path: Path) -> None:
    path = bundled(f"onnx:{graph}", tmp_path)
    noise = np.random.default_rng(0).bytes(5000)
    verdict = verified(swapped(path, noise))
    assert verdict.level == "refused"
    assert "cannot be used" in verdict.rows[0].reason
