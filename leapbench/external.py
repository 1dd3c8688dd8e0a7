"""Agents that are not declared: the user's own file, or a Stable-Baselines3 policy."""

from __future__ import annotations

import inspect
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from leapbench.declaration import Declaration
from leapbench.errors import UserError, unknown
from leapbench.task import Task

SB3 = "leapbench.agents.sb3_policy.policy"


def declaration(text: str, task: Task) -> Declaration | None:
    """Declaration made up for `text`, or None when it names a declared agent.

    Args:
        text: "path/to/file.py:ClassName" or "sb3:<algorithm>:<path.zip>".
        task: decides the role of the part: the one that acts.

    Raises:
        UserError: when the file, the class or the form is wrong.
    """
    role = "policy" if "policy" in task.default_agents else "agent"
    if text.startswith("sb3:"):
        return _sb3(text, role)
    path, colon, name = text.rpartition(":")
    if not colon or not path.endswith(".py"):
        return None
    file = Path(path)
    if not file.is_file():
        raise UserError(f"There is no file {path!r}.", "Expected path/to/file.py:ClassName.")
    loaded = module(str(file.resolve()))
    classes = [n for n, c in vars(loaded).items() if inspect.isclass(c) and hasattr(c, "predict")]
    if not hasattr(loaded, name):
        raise unknown(f"class in {path}", name, classes)
    config = {
        key: parameter.default
        for key, parameter in inspect.signature(getattr(loaded, name)).parameters.items()
        if isinstance(parameter.default, bool | int | float | str)
    }
    role = getattr(loaded, name).__dict__.get("role", role)
    return Declaration.model_construct(
        name=f"{file.stem}-{name}".lower(),
        role=role,
        families=(),
        entry=f"{file.resolve()}:{name}",
        summary="the user's own",
        paper="",
        config=config,
        sources=(str(file.resolve()),),
        ranked=True,
        version=1,
    )


@cache
def module(path: str) -> ModuleType:
    """Import a user's file by path.

    Raises:
        UserError: when the file cannot be imported, with what it raised.
    """
    spec = spec_from_file_location(Path(path).stem, path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path} is not a Python file.")
    loaded = module_from_spec(spec)
    try:
        spec.loader.exec_module(loaded)
    except Exception as error:
        raise UserError(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    return loaded


def _sb3(text: str, role: str) -> Declaration:
    algorithm, _, path = text.removeprefix("sb3:").partition(":")
    file = Path(path)
    if not algorithm or not file.is_file():
        raise UserError(
            f"{text!r}: there is no file {path!r}." if algorithm else f"{text!r} is incomplete.",
            "Expected sb3:<algorithm>:<path.zip>, such as sb3:ppo:model.zip.",
        )
    return Declaration.model_construct(
        name=f"sb3-{algorithm}-{file.stem}".lower(),
        role=role,
        families=(),
        entry=f"{SB3}:Stored",
        summary="a Stable-Baselines3 policy of the user's",
        paper="",
        config={"algorithm": algorithm, "path": str(file.resolve())},
        sources=(SB3,),
        ranked=True,
        version=1,
    )
