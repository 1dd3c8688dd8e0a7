"""Makes a graph from a PyTorch network."""

from __future__ import annotations

import inspect
import warnings
from pathlib import Path
from typing import Any

from leapbench.graphs.run import ExportedNetwork, GraphFacts

OPSET = 18


def export(network: Any, image: tuple[int, int, int], path: Path) -> GraphFacts:
    """Write a multi-exit network as an ONNX file that `onnx:` takes, and check it.

    PyTorch folds each batch normalisation into the convolution before it, which
    changes the last bits of the logits and no count.

    Args:
        network: `torch.nn.Module` whose forward pass gives a list of logits, one
            tensor (B, classes) an exit; exported as in evaluation mode, and left as it was.
        image: input size as (channels, height, width).
        path: file to write.

    Returns:
        What the suite counts of the file.

    Raises:
        UserError: when the graph that came out is not acceptable, with the operator that is not.
    """
    import torch

    options: dict[str, Any] = {"opset_version": OPSET, "input_names": ["image"]}
    # The exporter of PyTorch 2.9 and later needs further packages, the one before does not.
    if "dynamo" in inspect.signature(torch.onnx.export).parameters:
        options["dynamo"] = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network, (torch.zeros(1, *image),), path, **options)
    return ExportedNetwork(path.read_bytes(), str(path)).facts
