"""Hash of the code that decides a result, for caches: what is imported inside the suite.

A result on disk, or an artifact, serves again only while nothing has changed that could
change it. That is taken widely: every file of the suite, of a plug-in's package, or beside
a user's own file that can be reached over imports, byte by byte. A false alarm costs a run.

Files are searched for imports as text: parsing all of them would cost half a second, and
an import that stands in a comment does no harm. Found are imports at any depth, relative
ones, and dotted names in strings, such as "module:Class" and `f"package.{module}"`.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

SUITE = "leapbench"
PLUGINS = ("leapbench.agents", "leapbench.tasks")  # groups of entry points
DATA = {".json", ".npz", ".safetensors", ".toml"}
DECLARED = "agent.toml"  # what it says is in the composition, and the tasks' in the protocol
BESIDE = "."  # stands for the folder of a user's file

_SPACE = r"(?:[ \t\f]|\\\r?\n)"
_LINE = r"(?:[^;\n\\]|\\\r?\n)*"
_IMPORT = (
    rf"\bfrom{_SPACE}+(?P<module>[.\w]+){_SPACE}+import\b{_SPACE}*"
    rf"(?P<names>\((?:[^)#]|#[^\n]*)*\)|{_LINE})"
    rf"|\bimport{_SPACE}+(?P<modules>{_LINE})"
    r"|(?<![\w.])(?P<mention>(?:ROOTS)(?:\.\w+)+)"
)
Name = tuple[str, ...]


class _Found(NamedTuple):
    """A file: what it is called, where it lies, and the package that it belongs to."""

    label: str
    path: Path
    package: Name


@cache
def code_hash(entries: tuple[str, ...], alone: tuple[str, ...] = ()) -> str:
    """SHA-256 over all that entry points import, 16 hexadecimal digits.

    Computed once in a process, which does not load a changed module again either. It
    depends neither on where packages lie nor on the Python that computes it.

    Args:
        entries: "module:Class", or "path/of/a/file.py:Class".
        alone: modules that count without what they import.

    Raises:
        ModuleNotFoundError: for a module that is not there.
    """
    digest = hashlib.sha256()
    in_files = [entry for entry in entries if ".py:" in entry]
    modules = [entry for entry in entries if entry not in in_files]
    for group in (modules, *([entry] for entry in in_files)):
        digest.update(
            "".join(f"{Path(entry).name}\0" for entry in group).encode(errors="surrogatepass")
        )
        for label, path in sorted(files(group, alone).items()):
            digest.update(f"{label}\0".encode(errors="surrogatepass") + _digest(path))
    return digest.hexdigest()[:16]


def files(entries: Iterable[str], alone: Iterable[str] = ()) -> dict[str, Path]:
    """Paths of the files that `code_hash` is taken over, by what they are called.

    Args:
        entries: as there, but of entries in files one at most.
        alone: as there.
    """
    modules = [entry.rpartition(":")[0] for entry in entries]
    own = next((Path(module).resolve() for module in modules if module.endswith(".py")), None)
    names = [tuple(module.split(".")) for module in modules if not module.endswith(".py")]
    beside = own.parent if own else None
    roots = _plugins() | {name[0] for name in names}
    todo = [found for name in names for found in _begun(name)]
    if own:
        todo.append(_Found(f"{BESIDE}/{own.name}", own, (BESIDE,)))
    taken: dict[str, Path] = {}
    while todo:
        found = todo.pop()
        if found.label not in taken:
            taken[found.label] = found.path
            todo += _imported(found, roots, beside)
    return taken | {f.label: f.path for module in alone for f in _begun(tuple(module.split(".")))}


def followed(name: str) -> bool:
    """Whether a dotted name begins with the suite, or with a plug-in's package."""
    return name.partition(".")[0] in _plugins()


def forget() -> None:
    """Look at all files anew, for a process that changes code itself."""
    for each in (code_hash, _digest, _imported, _resolved, _package, _folders, _listing, _plugins):
        each.cache_clear()


def _begun(name: Name) -> tuple[_Found, ...]:
    found, complete = _resolved(name, False, None)
    if not complete:
        raise ModuleNotFoundError(f"No module named {'.'.join(name)!r} to hash.")
    return found


@cache
def _imported(found: _Found, roots: frozenset[str], beside: Path | None) -> tuple[_Found, ...]:
    """What a file imports directly, of the packages in `roots` and beside a user's file."""
    if found.path.suffix != ".py" or found.label == f"{SUITE}/__init__.py":
        return ()  # the latter offers the whole suite by name; what runs imports by itself
    text = _read(found.path).decode("utf-8", "replace")
    pattern = re.compile(_IMPORT.replace("ROOTS", "|".join(map(re.escape, sorted(roots)))))
    imported: dict[_Found, None] = {}
    for name, whole in set(_names(text, pattern)):
        up = len(name) - len(name.lstrip("."))
        parts = tuple(name.strip(".").split("."))
        if up:
            parts = (*found.package[: len(found.package) - up + 1], *parts)
        elif parts[0] not in roots:
            if found.package[0] != BESIDE:
                continue
            parts = (BESIDE, *parts)
        imported |= dict.fromkeys(_resolved(parts, whole, beside)[0])
    return tuple(imported)


def _names(text: str, pattern: re.Pattern[str]) -> Iterator[tuple[str, bool]]:
    """Names that a text imports, and whether all modules of such a package are meant."""
    for match in pattern.finditer(text):
        if match["mention"]:
            yield match["mention"], True
        elif match["modules"]:
            yield from ((name, False) for name in _words(match["modules"]))
        else:
            base = match["module"]
            if match["names"].startswith("*"):
                yield base, True
            start = base if base.endswith(".") else f"{base}."
            yield from ((start + name, False) for name in _words(match["names"]))


def _words(text: str) -> list[str]:
    """First word of each item in a list: of `a.b as c, d  # why` a.b and d."""
    plain = re.sub(r"#[^\n]*|[()\\]", " ", text)
    return [item.split()[0] for item in plain.split(",") if re.match(r"\s*\w", item)]


@cache
def _resolved(name: Name, whole: bool, beside: Path | None) -> tuple[tuple[_Found, ...], bool]:
    """The module that a name begins with and the packages above it.

    Args:
        name: dotted, perhaps with an attribute at its end.
        whole: with all modules of a package, which are named at run time.
        beside: folder of a user's file, which `BESIDE` stands for.

    Returns:
        The files, and whether the name is one of a module to its end.
    """
    found: list[_Found] = []
    for end in range(1, len(name) + 1):
        part = name[:end]
        folders = _folders(part, beside)
        if not folders:
            file = f"{part[-1]}.py"
            for above in _folders(part[:-1], beside):
                if file in _listing(above)[0]:
                    found.append(_module(above, part[:-1], file))
                    return tuple(found), end == len(name)
            return tuple(found), False
        if part != (BESIDE,):
            found += [each for folder in folders for each in _package(folder, part)]
    if whole:
        for folder in folders:
            modules = (file for file in _listing(folder)[0] if file.endswith(".py"))
            found += (_module(folder, name, file) for file in modules)
    return tuple(found), True


def _module(folder: Path, package: Name, file: str) -> _Found:
    return _Found("/".join((*package, file)), folder / file, package)


@cache
def _package(folder: Path, name: Name) -> tuple[_Found, ...]:
    """A package's `__init__.py`, its data, and that of folders with nothing else in them."""
    files, folders = _listing(folder)
    found = []
    for file in files:
        kind = Path(file).suffix
        declared = file == DECLARED or (kind == ".toml" and "family.toml" in files)
        if file == "__init__.py" or (kind in DATA and not declared):
            found.append(_module(folder, name, file))
    for below in folders:
        held = _listing(folder / below)[0]
        if not any(file.endswith(".py") for file in held if file != "__init__.py"):
            data = (file for file in held if Path(file).suffix in DATA - {".toml"})
            found += [_module(folder / below, (*name, below), file) for file in data]
    return tuple(found)


@cache
def _folders(name: Name, beside: Path | None) -> tuple[Path, ...]:
    """Where the modules of a package lie; none for what is no package. It is not imported."""
    if not name or name == (BESIDE,):
        return (beside,) if name and beside else ()
    above = _folders(name[:-1], beside)
    found = tuple(a / name[-1] for a in above if name[-1] in _listing(a)[1])
    # In a checkout the folder of `leapbench.envs` is not inside that of `leapbench`.
    if found or (len(name) > 1 and name[:-1] != (SUITE,)):
        return found
    try:
        spec = find_spec(".".join(name))
    except (ImportError, ValueError):
        return ()
    return tuple(Path(folder) for folder in (spec and spec.submodule_search_locations) or ())


@cache
def _listing(folder: Path) -> tuple[frozenset[str], frozenset[str]]:
    """Names of the files and of the folders in a folder."""
    try:
        entries = {entry.name: entry.is_dir() for entry in os.scandir(folder)}
    except OSError:
        entries = {}
    files = frozenset(name for name, is_folder in entries.items() if not is_folder)
    return files, frozenset(entries) - files


@cache
def _digest(path: Path) -> bytes:
    return hashlib.sha256(_read(path)).digest()


def _read(path: Path) -> bytes:
    return path.read_bytes()


@cache
def _plugins() -> frozenset[str]:
    """The suite and the top-level packages of plug-ins."""
    found = (point.value for group in PLUGINS for point in entry_points(group=group))
    return frozenset({SUITE, *(value.partition(":")[0].partition(".")[0] for value in found)})
