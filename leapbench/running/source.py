"""Hash of the code that decides a result."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

_DATA = {".json", ".npz", ".safetensors"}


def source_hash(modules: Iterable[str]) -> str:
    """SHA-256 over the code and data of modules and packages, 16 hexadecimal digits.

    Python files count by their syntax tree without docstrings, so comments and
    formatting do not change the hash. A package counts with every file in its
    folder, but not with its sub-packages. Files are taken in the order of the
    modules' names, so that where the package lies does not matter.

    Args:
        modules: dotted names; a top-level file is given by its path instead.
    """
    digest = hashlib.sha256()
    for _, file in sorted((name, file) for name in set(modules) for file in _files(name)):
        digest.update(file.name.encode() + b"\0")
        digest.update(_code(file) if file.suffix == ".py" else file.read_bytes())
    return digest.hexdigest()[:16]


def _files(name: str) -> list[Path]:
    if name.endswith(".py"):
        return [Path(name).resolve()]
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"No module named {name!r} to hash.")
    origin = Path(spec.origin)
    if origin.name != "__init__.py":
        return [origin]
    return [f for f in origin.parent.iterdir() if f.suffix == ".py" or f.suffix in _DATA]


def _code(file: Path) -> bytes:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree).encode()
