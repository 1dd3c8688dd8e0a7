"""Writes what parts log where people watch it: TensorBoard, Weights & Biases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from leapbench.contract.task import canonical
from leapbench.errors import UserError, unknown
from leapbench.results.values import printable

FOLDER = "logs"
KINDS = ("tensorboard", "wandb")


class Sink(Protocol):
    """Where numbers go."""

    def add(self, phase: str, step: int, values: Mapping[str, float]) -> None:
        """Named numbers after `step` of a phase."""

    def close(self) -> None:
        """Write everything out."""


def check(kind: str) -> None:
    """See that a kind of log can be written; "" is none.

    Raises:
        UserError: when it is not known, or its package is not installed.
    """
    if kind and kind not in KINDS:
        raise unknown("log", kind, KINDS)
    try:
        if kind:
            import_module(kind)
    except ImportError:
        raise UserError(f"--log {kind} needs {kind}.", f'pip install "leapbench[{kind}]"') from None


@contextmanager
def opened(kind: str, out: Path, run: Mapping[str, Any]) -> Iterator[Sink | None]:
    """A sink for one run; None for no kind.

    Args:
        kind: "", "tensorboard" or "wandb".
        out: folder of the results; logs are in `logs` below it.
        run: what the run is, JSON data, with its `path` below the folder.
    """
    if not kind:
        yield None
        return
    check(kind)
    folder = out / FOLDER
    try:
        made: Sink = TensorBoard(folder, run) if kind == "tensorboard" else Wandb(folder, run)
    except Exception as error:  # such as nobody being logged in: no failure of the agent's
        line = printable(" ".join(str(error).split())) or type(error).__name__
        raise UserError(f"--log {kind} cannot be written: {line}") from error
    try:
        yield made
    finally:
        made.close()


class TensorBoard:
    """Event files, a folder a run.

    Args:
        folder: of all logs.
        run: what the run is, which is written as a text.
    """

    def __init__(self, folder: Path, run: Mapping[str, Any]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(str(folder / str(run["path"])))  # type: ignore[no-untyped-call]
        self._writer.add_text("run", canonical(dict(run)))

    def add(self, phase: str, step: int, values: Mapping[str, float]) -> None:
        """See `Sink.add`."""
        for name, value in values.items():
            self._writer.add_scalar(f"{phase}/{name}", value, step)

    def close(self) -> None:
        """See `Sink.close`."""
        self._writer.close()


class Wandb:
    """A run of Weights & Biases; `WANDB_MODE=offline` needs no account.

    Args:
        folder: of all logs.
        run: what the run is, which is its config.
    """

    def __init__(self, folder: Path, run: Mapping[str, Any]) -> None:
        import wandb

        folder.mkdir(parents=True, exist_ok=True)
        self._run: Any = wandb.init(
            project="leapbench",
            dir=str(folder),
            group=f"{run['task']} {run['tier']}",
            name=f"{run['agent']} seed {run['seed']}",
            config=dict(run),
            reinit="finish_previous",
            settings=wandb.Settings(silent=True, console="off"),
        )
        self._phases: set[str] = set()

    def add(self, phase: str, step: int, values: Mapping[str, float]) -> None:
        """See `Sink.add`."""
        axis = f"{phase}/step"
        if phase not in self._phases:
            self._phases.add(phase)
            self._run.define_metric(f"{phase}/*", step_metric=axis)
        self._run.log({axis: step} | {f"{phase}/{name}": v for name, v in values.items()})

    def close(self) -> None:
        """See `Sink.close`."""
        self._run.finish()
