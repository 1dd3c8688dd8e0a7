"""What an agent's class can be set to, read from its source without importing it.

The constructor is the truth: the parameters of `__init__`, or the fields of a dataclass
and of the dataclasses that it extends. Meanings are what the sections "Args:" of the
class and of its bases say.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from leapbench.errors import UserError

Scalar = bool | int | float | str
MISSING: Any = object()
"""Default of a setting that has none."""


class Setting(NamedTuple):
    """One parameter of a constructor.

    Attributes:
        default: its default value, `MISSING` without one.
        meaning: its line of the docstring, "" where nothing is said.
    """

    default: Scalar
    meaning: str


class SettingSource(NamedTuple):
    """A class in the file that defines it.

    Attributes:
        module: dotted name of the file.
        body: the class.
    """

    module: str
    body: ast.ClassDef


@cache
def settings_of(entry: str) -> dict[str, Setting]:
    """Every setting of a class by name, in the constructor's order.

    Args:
        entry: "module:Class".

    Raises:
        UserError: when there is no such class, or a default is not written out.
    """
    module, _, name = entry.partition(":")
    found = _find(module, name)
    if found is None:
        raise UserError(f"There is no class {name} in {module}.")
    meanings = _meanings(found)
    return {key: Setting(value, meanings.get(key, "")) for key, value in _parameters(found).items()}


def _parameters(source: SettingSource) -> dict[str, Scalar]:
    """Defaults of the constructor's parameters."""
    made = [each for each in source.body.body if isinstance(each, ast.FunctionDef)]
    own = next((each for each in made if each.name == "__init__"), None)
    if own is not None:
        return _signature(source, own.args)
    bases = list(_bases(source))
    if not _dataclass(source.body):
        return next((found for found in map(_parameters, bases) if found), {})
    fields: dict[str, Scalar] = {}
    for base in reversed(bases):
        fields |= _parameters(base)
    for each in source.body.body:
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and _field(each):
            fields[each.target.id] = _default(source, each.value)
    return fields


def _signature(source: SettingSource, given: ast.arguments) -> dict[str, Scalar]:
    names = [each.arg for each in (*given.posonlyargs, *given.args)][1:]
    defaults = [None] * (len(names) - len(given.defaults)) + list(given.defaults)
    names += [each.arg for each in given.kwonlyargs]
    defaults += given.kw_defaults
    return {name: _default(source, value) for name, value in zip(names, defaults, strict=True)}


def _default(source: SettingSource, value: ast.expr | None) -> Scalar:
    """The value of an expression, which is a literal or the name of one in the same file."""
    if value is None:
        return MISSING  # type: ignore[no-any-return]
    if isinstance(value, ast.Name):
        for each in _parsed(source.module).body:
            if isinstance(each, ast.Assign) and value.id in map(ast.unparse, each.targets):
                return _default(source, each.value)
    try:
        found: Scalar = ast.literal_eval(value)
    except ValueError:
        where = f"{source.module}:{source.body.name}"
        text = f"A default of {where} is {ast.unparse(value)}, expected a value written out."
        raise UserError(text) from None
    return found


def _field(statement: ast.AnnAssign) -> bool:
    """Whether an annotated name of a dataclass is a parameter of its constructor."""
    value = statement.value
    hidden = isinstance(value, ast.Call) and any(
        each.arg == "init" and ast.unparse(each.value) == "False" for each in value.keywords
    )
    return not hidden and "ClassVar" not in ast.unparse(statement.annotation)


def _dataclass(body: ast.ClassDef) -> bool:
    return any("dataclass" in ast.unparse(each) for each in body.decorator_list)


def _meanings(source: SettingSource) -> dict[str, str]:
    """What the class says of each argument, over what its bases say."""
    found: dict[str, str] = {}
    for base in reversed(list(_bases(source))):
        found |= _meanings(base)
    return found | _documented(ast.get_docstring(source.body) or "")


def _documented(docstring: str) -> dict[str, str]:
    """The lines of the section "Args:" by name."""
    section = re.search(r"^Args:\n((?:[ ]+.*\n?|\n)+)", docstring, re.MULTILINE)
    text = section.group(1) if section else ""
    parts = re.split(r"^ {4}(\w+): ", text, flags=re.MULTILINE)
    pairs = zip(parts[1::2], parts[2::2], strict=True)
    return {name: " ".join(words.split()) for name, words in pairs}


def _bases(source: SettingSource) -> Iterator[SettingSource]:
    """The classes that a class extends, as far as they are of the same distribution."""
    for base in source.body.bases:
        name = base.id if isinstance(base, ast.Name) else ""
        found = _find(source.module, name) if name else None
        if found is not None:
            yield found


def _find(module: str, name: str) -> SettingSource | None:
    """A class that a module defines or imports by name; None outside its top package."""
    for each in _parsed(module).body:
        if isinstance(each, ast.ClassDef) and each.name == name:
            return SettingSource(module, each)
        if isinstance(each, ast.ImportFrom) and not each.level and each.module:
            near = each.module.partition(".")[0] in ("leapbench", module.partition(".")[0])
            for alias in each.names if near else ():
                if name == (alias.asname or alias.name):
                    return _find(each.module, alias.name)
    return None


@cache
def _parsed(module: str) -> ast.Module:
    try:
        spec = find_spec(module)
        if spec is None or spec.origin is None:
            raise ImportError(f"No module named {module!r}")
        return ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    except (ImportError, OSError, SyntaxError) as error:
        raise UserError(f"The code of {module} cannot be read: {error}.") from error
