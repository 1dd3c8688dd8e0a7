"""Agents that are Python objects of this process, such as a class from a notebook's cell.

Such a part is known by its source text: that of the class or function, of its base
classes, and of what it names in the same module, with the plain values among it. What it
takes from installed modules is not looked at.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import linecache
import re
import sys
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any, Protocol, runtime_checkable

from leapbench.contract import registry
from leapbench.contract.agent import is_privileged
from leapbench.contract.declaration import Declaration
from leapbench.contract.task import Task
from leapbench.errors import UserError
from leapbench.results.values import bounded
from leapbench.running import external

PLAIN = (bool, int, float, str, bytes, type(None))
ENTRY = "leapbench.running.live"
MAIN = "__main__"


class LiveDeclaration(Declaration):
    """A part that is built by calling an object of this process.

    Attributes:
        make: called with the settings; gives the part.
        digest: SHA-256 of what it is known by, 64 hexadecimal digits.
    """

    make: Callable[..., Any]
    digest: str

    @property
    def config(self) -> dict[str, bool | int | float | str]:
        """Every setting with its default."""
        return dict(self.settings)


@runtime_checkable
class Placed(Protocol):
    """A part that is another one in each slot of a tree of phases."""

    def placed(self, slot: str) -> Any:
        """The part for one slot."""


_known: dict[str, dict[str, Any]] = {}


def named(agent: str | Callable[..., Any] | tuple[Any, ...]) -> str:
    """What to call an agent in a `Cell`.

    Args:
        agent: a name as typed on the command line; a class or a function that builds a
            part; or a tuple of these, the parts of one agent.

    Raises:
        UserError: for anything else.
    """
    if isinstance(agent, str):
        return agent
    if isinstance(agent, tuple):
        return "+".join(named(part) for part in agent)
    if not callable(agent):
        raise UserError(
            f"{type(agent).__name__} is no agent.",
            "Expected a name, a class, or a function that builds one.",
        )
    return _declared(agent) or _in_file(agent) or declare(agent)


def declare(
    make: Callable[..., Any], name: str = "", digest: str = "", role: str = "", **fields: Any
) -> str:
    """Make a part known to this process; the text that names it.

    Args:
        make: called with the settings; gives the part.
        name: of the part; else that of the class or function.
        digest: what it is known by; else that of its source.
        role: "model", "policy" or "agent"; else its attribute, or the one that acts.
        fields: further fields of the declaration.
    """
    digest = digest or source_digest(make)
    words = re.findall(r"[a-z0-9]+", (name or _name(make)).lower()) or ["agent"]
    text = f"{'-'.join(words)}@{digest[:8]}"
    role = role or getattr(make, "role", "") or getattr(_returned(make), "role", "")
    _known[text] = {
        "name": "-".join(words),
        "role": role,
        "entry": f"{ENTRY}:{'_'.join(words)}_{digest[:16]}",
        "summary": "the user's own",
        "settings": _defaults(make),
        "make": make,
        "digest": digest,
        "recorded": True,  # what it learns from is seen when it learns
        "ranked": not is_privileged(make),
    } | fields
    return text


def is_live(text: str) -> bool:
    """Whether an agent as typed has a part that is known to this process alone."""
    return any(name in _known for name in external.split(text))


def declaration(text: str, task: Task) -> LiveDeclaration | None:
    """Declaration of what `declare` named `text`; None for other texts."""
    if text not in _known:
        return None
    fields = dict(_known[text])
    acting = "policy" if "policy" in task.default_agents else "agent"
    return LiveDeclaration.model_construct(**fields | {"role": fields["role"] or acting})


def source_digest(thing: Any) -> str:
    """SHA-256 of what a class or function says, 64 hexadecimal digits; see this module."""
    digest = hashlib.sha256()
    for piece in sorted(set(_pieces(thing, set()))):
        digest.update(piece.encode() + b"\0")
    return digest.hexdigest()


def source(thing: Any) -> str:
    """Source text of a class or function; where there is none, its bytecode in hexadecimal."""
    functions = list(_functions(thing))
    for function in functions if inspect.isclass(thing) else ():
        # Where its methods are: of a cell's class, Python 3.13 looks into the wrong file.
        found = _named_in("".join(linecache.getlines(function.__code__.co_filename)), thing)
        if found:
            return found
    try:
        text = inspect.getsource(thing)
    except (OSError, TypeError):
        text = ""
    if text and (not inspect.isclass(thing) or f"class {thing.__name__}" in text):
        return text
    return "\n".join(_bytes(function.__code__) for function in functions)


def _pieces(thing: Any, seen: set[int]) -> Iterator[str]:
    """Sources of a thing and of everything of the same module that it names."""
    if id(thing) in seen:
        return
    seen.add(id(thing))
    yield f"{_name(thing)}:{source(thing)}"
    if inspect.isclass(thing):
        for base in thing.__mro__[1:]:
            if base.__module__ in (thing.__module__, MAIN):
                yield from _pieces(base, seen)
    for function in _functions(thing):
        yield from _named(function, seen)


def _named(function: FunctionType, seen: set[int]) -> Iterator[str]:
    """What a function takes from around itself: of its own module, and what it closes over."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    around = {name: cell.cell_contents for name, cell in cells if cell is not None}
    for code in _codes(function.__code__):
        around |= {n: function.__globals__[n] for n in code.co_names if n in function.__globals__}
    for name, value in around.items():
        if isinstance(value, PLAIN):
            yield f"{name}={value!r}"
        elif getattr(value, "__module__", None) == function.__module__ and (
            inspect.isclass(value) or inspect.isfunction(value)
        ):
            yield from _pieces(value, seen)


def _functions(thing: Any) -> Iterator[FunctionType]:
    """A function itself, or the methods of a class."""
    if isinstance(thing, FunctionType):
        yield thing
    for value in vars(thing).values() if inspect.isclass(thing) else ():
        plain = getattr(value, "__func__", None) or getattr(value, "fget", None) or value
        if isinstance(plain, FunctionType):
            yield plain


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _bytes(code: CodeType) -> str:
    plain = [repr(c) for each in _codes(code) for c in each.co_consts if isinstance(c, PLAIN)]
    names = [name for each in _codes(code) for name in each.co_names]
    return " ".join([each.co_code.hex() for each in _codes(code)] + plain + names)


def _named_in(text: str, thing: Any) -> str:
    """A class in a module's text; empty where it is not."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return text
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == thing.__name__:
            return ast.get_source_segment(text, node) or ""
    return ""


def _declared(agent: Any) -> str:
    """Name of the declared part that a class is, with its default settings."""
    entry = f"{agent.__module__}:{_name(agent)}" if inspect.isclass(agent) else ""
    return next(
        (p.name for p in registry.agents().values() if p.entry == entry and not p.settings), ""
    )


def _in_file(agent: Any) -> str:
    """Text "path/to/file.py:Class" for a class of an imported file that is not installed."""
    if not inspect.isclass(agent) or agent.__module__ == MAIN or "." in agent.__qualname__:
        return ""
    file = getattr(sys.modules.get(agent.__module__), "__file__", None) or ""
    installed = "site-packages" in file or agent.__module__.partition(".")[0] == "leapbench"
    return f"{file}:{agent.__name__}" if file.endswith(".py") and not installed else ""


def _defaults(make: Any) -> dict[str, bool | int | float | str]:
    """Parameters with a plain default, which are its settings.

    Raises:
        UserError: for a default that no result may hold.
    """
    try:
        parameters = inspect.signature(make).parameters
    except (TypeError, ValueError):
        return {}
    found = {
        key: each.default
        for key, each in parameters.items()
        if isinstance(each.default, bool | int | float | str)
    }
    for key, value in found.items():
        try:
            bounded(value)
        except ValueError as error:
            raise UserError(f"The default of {key!r} cannot be used: {error}.") from None
    return found


def _returned(make: Any) -> Any:
    """The class that a function says it gives."""
    annotation = getattr(make, "__annotations__", {}).get("return")
    return (
        getattr(make, "__globals__", {}).get(annotation)
        if isinstance(annotation, str)
        else annotation
    )


def _name(thing: Any) -> str:
    return str(getattr(thing, "__name__", type(thing).__name__))
