"""An exported network that was trained elsewhere, as `onnx:<file.onnx>`."""

from __future__ import annotations

from pathlib import Path

from leapbench.agents.common.stored import file
from leapbench.contract.agent import LearningPhase
from leapbench.errors import Unfit
from leapbench.graphs.run import ExportedNetwork

FILE = "network.onnx"


class Graph:
    """A multi-exit network as an ONNX graph; it learns nothing more.

    Args:
        sha256: what the file's SHA-256 must be, 64 hexadecimal digits; "" for any.
        path: the ONNX file, see `leapbench.graphs` for what it may hold.

    Attributes:
        network: gives logits and multiply-adds, after `learn` or `load`.
    """

    def __init__(self, sha256: str = "", path: str = "") -> None:
        self.sha256, self.path = sha256, path
        self.network = ExportedNetwork(b"", path)

    def learn(self, phase: LearningPhase) -> None:
        """Read and check the file; nothing of the phase's budget is spent.

        Raises:
            Unfit: when the graph is not acceptable, or is for other images or classes.
        """
        self.network = ExportedNetwork(file.read(self.path, self.sha256), self.path)
        self.network.multiply_adds(phase.data.images.shape[1:])
        expected = {shape["classes"] for shape in phase.settings["networks"].values()}
        given = self.network.facts.classes
        if given not in expected:
            raise Unfit(
                f"{self.path} has outputs of {given} classes, this protocol has "
                f"{' or '.join(map(str, sorted(expected)))}."
            )

    def save(self, folder: Path) -> None:
        """Copy the file."""
        (folder / FILE).write_bytes(self.network.data)

    def load(self, folder: Path) -> None:
        """Restore what `save` wrote; it is checked again when it is first used."""
        self.network = ExportedNetwork((folder / FILE).read_bytes(), self.path or FILE)
