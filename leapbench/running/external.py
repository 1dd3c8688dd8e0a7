"""Agents that are not declared: the user's own code, stored policy, weights or graph.

Such a part is called what the user typed without the folder, such as "agent.py:Class". A
declared name has neither dot nor colon, so that none is taken. The content of its file is
in the record beside the name, so that the same file at another place gives an equal record.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from contextlib import chdir, redirect_stdout
from functools import cache
from hashlib import sha256
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from leapbench.contract import files
from leapbench.contract.agent import is_privileged
from leapbench.contract.declaration import Declaration
from leapbench.contract.task import Task
from leapbench.errors import UserError, unknown
from leapbench.results.values import bounded, printable

SB3 = "leapbench.agents.common.sb3_policy.policy"
STORED = "leapbench.agents.common.stored"
NAME = 60  # characters of a part's name
UNMETERED = "trained elsewhere, its training budget was not metered; shown, not ranked"


def declaration(text: str, task: Task) -> Declaration | None:
    """Declaration made up for `text`, or None when it names a declared agent.

    Args:
        text: "path/to/file.py:ClassName", "sb3:<algorithm>:<path.zip>",
            "weights:<network>:<path.safetensors>" or "onnx:<path.onnx>".
        task: decides the role of the part: the one that acts.

    Raises:
        UserError: when the file, the class or the form is wrong.
    """
    form, colon, rest = text.partition(":")
    if form in FORMS and colon:
        return FORMS[form](rest, task)
    path, colon, name = text.rpartition(":")
    if not colon:
        if text.endswith(".py"):
            raise UserError(f"{text!r} names no class.", f"Type {text}:ClassName.")
        return None
    if not path.endswith(".py"):
        raise unknown("form", f"{form}:", ("path/to/file.py:", *(f"{f}:" for f in FORMS)))
    file = Path(path)
    if not file.is_file():
        raise UserError(f"There is no file {path!r}.", "Expected path/to/file.py:ClassName.")
    loaded = module(str(file.resolve()))
    classes = [n for n, c in vars(loaded).items() if inspect.isclass(c) and hasattr(c, "predict")]
    if not inspect.isclass(getattr(loaded, name, None)):
        raise unknown(f"class of {path} called", name, classes)
    config = {
        key: parameter.default
        for key, parameter in inspect.signature(getattr(loaded, name)).parameters.items()
        if isinstance(parameter.default, bool | int | float | str)
    }
    for key, value in config.items():
        try:
            bounded(value)
        except ValueError as error:
            raise UserError(
                f"The default of {key!r} in {path}:{name} cannot be used: {error}."
            ) from None
    role = getattr(loaded, name).__dict__.get("role", _acting(task))
    _check_class(getattr(loaded, name), role, task)
    return _made(
        f"{file.name}:{name}",
        role,
        f"{file.resolve()}:{name}",
        summary="the user's own",
        settings=config,
        recorded=True,  # what it learns from is seen when it learns
        ranked=not is_privileged(getattr(loaded, name)),
    )


def _check_class(kind: type, role: str, task: Task) -> None:
    """Refuse a class that cannot be a part of the role, or says that it is for other tasks.

    Raises:
        UserError: with the methods that it lacks, or the family that it names.
    """
    family = getattr(kind, "family", task.family)
    if isinstance(family, str) and family != task.family:
        raise UserError(
            f"{kind.__name__} is for tasks of {family}, and {task.name} is of {task.family}.",
            "Its attribute `family` says so.",
        )
    needed = ("learn", "save", "load", *(("predict",) if role == "policy" else ()))
    lacking = [] if hasattr(kind, "__getattr__") else [n for n in needed if not hasattr(kind, n)]
    if lacking:
        raise UserError(
            f"{kind.__name__} cannot be a {role}: it has no {', '.join(lacking)}.",
            "examples/custom_agent.py has them all.",
        )


def split(text: str) -> list[str]:
    """The parts of an agent as typed; a "+" in the path of a file that is there is no end."""
    words, parts = text.split("+"), []
    while words:
        ends = range(len(words), 1, -1)
        end = next((n for n in ends if _names_file("+".join(words[:n]))), 1)
        parts.append("+".join(words[:end]))
        del words[:end]
    return parts


def _names_file(text: str) -> bool:
    """Whether one part was typed that is in a file."""
    before, _, after = text.rpartition(":")
    stored = before.partition(":")[0] in FORMS
    try:
        return Path(after).is_file() if stored else after.isidentifier() and Path(before).is_file()
    except (OSError, ValueError):  # a name longer than any, or with a NUL
        return False


@cache
def module(path: str) -> ModuleType:
    """Import a user's file by path.

    Raises:
        UserError: when the file cannot be imported, with what it raised.
    """
    # A name of its own: the file may be called like a package that is installed.
    name = f"leapbench_user_{sha256(os.fsencode(path)).hexdigest()[:8]}_{Path(path).stem}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path} is not a Python file.")
    loaded = module_from_spec(spec)
    sys.modules[name] = loaded  # dataclasses look their module up
    variables = dict(os.environ)
    try:
        # It is only looked at here; `running.apart` runs it in a process of its own.
        with redirect_stdout(sys.stderr), chdir(os.curdir):
            spec.loader.exec_module(loaded)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise UserError(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    finally:
        os.environ.clear()
        os.environ.update(variables)
    return loaded


def _sb3(rest: str, task: Task) -> Declaration:
    algorithm, _, path = rest.partition(":")
    file = _file(algorithm, path, "sb3:<algorithm>:<path.zip>, such as sb3:ppo:model.zip")
    import_module(SB3).check_algorithm(algorithm)
    return _made(
        f"sb3:{algorithm}:{file.name}",
        _acting(task),
        f"{SB3}:Stored",
        summary="a Stable-Baselines3 policy of the user's",
        settings={"algorithm": algorithm, "sha256": files.sha256(file)},
        file=path,
    )


def _weights(rest: str, task: Task) -> Declaration:
    network, _, path = rest.partition(":")
    known = {n for p in task.protocols.values() for n in p.settings.get("networks", ())}
    if known and network and network not in known:
        raise unknown("network", network, known)
    form = "weights:<network>:<path.safetensors>, such as weights:msdnet:network.safetensors"
    file = _file(network, path, form)
    return _model(f"weights:{network}:{file.name}", "weights:Weights", file, network)


def _onnx(rest: str, task: Task) -> Declaration:
    file = _file("onnx", rest, "onnx:<path.onnx>, such as onnx:model.onnx")
    return _model(f"onnx:{file.name}", "graph:Graph", file)


FORMS: dict[str, Callable[[str, Task], Declaration]] = {
    "onnx": _onnx,
    "sb3": _sb3,
    "weights": _weights,
}


def _model(name: str, entry: str, file: Path, network: str = "") -> Declaration:
    """Declaration of a network of early exits that is read from `file`."""
    return _made(
        name,
        "model",
        f"{STORED}.{entry}",
        family="earlyexit",
        summary=UNMETERED,
        settings=({"network": network} if network else {}) | {"sha256": files.sha256(file)},
        ranked=False,
        file=str(file),
    )


def _file(first: str, path: str, form: str) -> Path:
    """The file that was named.

    Raises:
        UserError: when `first`, what stands before it, is empty or there is no such file.
    """
    if not first:
        raise UserError(f"The agent's name is incomplete: {path!r}.", f"Expected {form}.")
    if not Path(path).is_file():
        raise UserError(f"There is no file {path!r}.", f"Expected {form}.")
    return Path(path)


def _acting(task: Task) -> str:
    """Role of the part that acts."""
    return "policy" if "policy" in task.default_agents else "agent"


def _made(name: str, role: str, entry: str, **fields: Any) -> Declaration:
    # Not validated: an entry here may be a path.
    return Declaration.model_construct(name=_named(name), role=role, entry=entry, **fields)


def _named(text: str) -> str:
    """`text` as the name of a part: printable, without "+", bounded, and of no other text."""
    name = printable(text).replace("+", "-")
    if name == text and len(name) <= NAME:
        return name
    digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{name[: NAME - 9]}~{digest}"
