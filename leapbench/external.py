"""Agents that are not declared: the user's own file, or a Stable-Baselines3 policy."""

from __future__ import annotations

import inspect
import re
import sys
from functools import cache
from hashlib import sha256
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
    if not inspect.isclass(getattr(loaded, name, None)):
        raise unknown(f"class in {path}", name, classes)
    config = {
        key: parameter.default
        for key, parameter in inspect.signature(getattr(loaded, name)).parameters.items()
        if isinstance(parameter.default, bool | int | float | str)
    }
    role = getattr(loaded, name).__dict__.get("role", role)
    return Declaration.model_construct(
        name=_slug(f"{file.stem}-{name}"),
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
    # A name of its own: the file may be called like a package that is installed.
    name = f"leapbench_user_{sha256(path.encode()).hexdigest()[:8]}_{Path(path).stem}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path} is not a Python file.")
    loaded = module_from_spec(spec)
    sys.modules[name] = loaded  # dataclasses look their module up
    try:
        spec.loader.exec_module(loaded)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise UserError(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    return loaded


def _sb3(text: str, role: str) -> Declaration:
    from leapbench.agents.sb3_policy import policy

    algorithm, _, path = text.removeprefix("sb3:").partition(":")
    file = Path(path)
    if not algorithm or not file.is_file():
        raise UserError(
            f"{text!r}: there is no file {path!r}." if algorithm else f"{text!r} is incomplete.",
            "Expected sb3:<algorithm>:<path.zip>, such as sb3:ppo:model.zip.",
        )
    policy.check_algorithm(algorithm)
    return Declaration.model_construct(
        name=_slug(f"sb3-{algorithm}-{file.stem}"),
        role=role,
        families=(),
        entry=f"{SB3}:Stored",
        summary="a Stable-Baselines3 policy of the user's",
        paper="",
        config={"algorithm": algorithm, "path": path, "sha256": policy.sha256(path)},
        sources=(SB3,),
        ranked=True,
        version=1,
    )


def _slug(text: str) -> str:
    """`text` as the name of an agent: lower-case words joined by hyphens."""
    return "-".join(re.findall(r"[a-z0-9]+", text.lower()))
