"""Reads, counts and runs one graph in a process of its own, which `graphs.run` starts.

ONNX and ONNX Runtime parse what a stranger wrote in native code, so a file may
make this process crash, hang, eat memory, or take it over. It has limits, it
runs in a sandbox where the machine has one (`leapbench.isolation`), and the host has
the clock. The first frame from the host is the file, every further one a batch of
images, float32 (B, C, H, W); the answers are the facts as JSON, and logits,
float32 (K, B, classes). The image is always run alone, as it was counted.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any, BinaryIO

import numpy as np

from leapbench.errors import UserError
from leapbench.graphs import wire

MEMORY, COPIES = 2 * 2**30, 10
"""Address space of the process, bytes: so much and so many times the file."""
MAX_FRAME = 2**28
GRACE, RATE, LONGEST = 60, 10**8, 24 * 3600
"""A request may take so many seconds, one more for so many multiply-adds, at most a day."""


def seconds(multiply_adds: int) -> int:
    """Time that a request with so many multiply-adds may take, in seconds."""
    return min(GRACE + multiply_adds // RATE, LONGEST)


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer requests until the host closes the stream."""
    _limit_seconds(seconds(0))
    try:
        _, data = wire.receive(source, MAX_FRAME)
        _limit_memory(len(data))
        facts, session = opened(data)
    except UserError as error:
        return wire.refuse(sink, error.message, error.hint)
    except Exception as error:
        return wire.refuse(sink, _unexpected(error, "read"))
    wire.send(sink, wire.DATA, json.dumps(facts).encode())
    image, cost = tuple(facts["image"]), facts["multiply_adds"][-1]
    while True:
        try:
            _, data = wire.receive(source, MAX_FRAME)
        except EOFError:
            return None
        images = np.frombuffer(data, np.float32).reshape(-1, *image)
        _limit_seconds(seconds(len(images) * cost))
        try:
            logits = [session.run(None, {facts["input"]: each[None]}) for each in images]
        except Exception as error:
            return wire.refuse(sink, _unexpected(error, "run"))
        by_exit = np.array(logits, np.float32).squeeze(2).swapaxes(0, 1)
        wire.send(sink, wire.DATA, by_exit.tobytes())


def _unexpected(error: Exception, doing: str) -> str:
    """What went wrong where nothing should have; any library may have raised it."""
    if isinstance(error, MemoryError):
        return "it needs more memory than it may have"
    return f"it cannot be {doing} ({type(error).__name__})"


def opened(data: bytes) -> tuple[dict[str, Any], Any]:
    """What is known of a graph, and the session that runs it.

    Raises:
        UserError: when the graph is not acceptable.
    """
    from leapbench.graphs.check import read
    from leapbench.graphs.count import count

    graph = read(data)
    facts = {
        "input": graph.input,
        "image": graph.image,
        "classes": graph.classes,
        "multiply_adds": count(graph),
    }
    _check_shapes(graph)
    return facts, _session(graph.model)


def _session(model: Any, optimise: bool = True) -> Any:
    import onnxruntime as runtime

    from leapbench.graphs.shapes import shown

    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    level = runtime.GraphOptimizationLevel
    options.graph_optimization_level = level.ORT_ENABLE_ALL if optimise else level.ORT_DISABLE_ALL
    try:
        return runtime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # ONNX Runtime has a class for each of its status codes
        raise UserError(f"ONNX Runtime does not take it: {shown(str(error))}") from None


def _check_shapes(graph: Any) -> None:
    """See that tensors have the shapes that were counted, by running one image as it stands."""
    from onnx import ModelProto, TensorProto, helper

    from leapbench.graphs.shapes import shown

    watched = ModelProto()
    watched.CopyFrom(graph.model)
    made = [name for node in watched.graph.node for name in node.output if name in graph.moving]
    del watched.graph.output[:]
    watched.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in made
    )
    image = np.zeros((1, *graph.image), np.float32)
    try:
        values = _session(watched, optimise=False).run(made, {graph.input: image})
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"ONNX Runtime cannot run it: {shown(str(error))}") from None
    for name, value in zip(made, values, strict=True):
        if value.shape != graph.shapes[name]:
            raise UserError(
                f"{shown(name)!r} was counted as {graph.shapes[name]} and is {value.shape}"
            )


def _limit_seconds(more: int) -> None:
    """Let the process use so many CPU seconds from now on."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    wanted = int(time.process_time()) + more + 1
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _limit_memory(size: int) -> None:
    """Bound memory for a file of so many bytes."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = MEMORY + COPIES * size
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def main() -> None:
    """Serve on standard input and output; whatever else is printed goes nowhere."""
    import resource

    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _limit_memory(MAX_FRAME)
    for kind in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        resource.setrlimit(kind, (0, 0))
    serve(sys.stdin.buffer, sink)
