"""Registers every `envs/<family>/envs.toml` with Gymnasium, without importing it.

A declaration is a list of `[[env]]` tables with `id`, `entry_point` and,
optionally, `vector_entry_point`, `kwargs` and `max_episode_steps`, all passed
to `gymnasium.register` as they are. One whose `id` has names in braces is declared
for each row of the table `[each]`; see `leapbench.contract.each`. A table `[small]`
of the file, and `small` of one environment over it, are keyword arguments with which
tests make it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType


def declared() -> Iterator[dict[str, Any]]:
    """Yield the declaration of every environment that comes with the package.

    Its `family` is the name of its folder; `another` is True where it differs from one
    before it in the row of `[each]` alone.

    Raises:
        tomllib.TOMLDecodeError: when an `envs.toml` is malformed.
    """
    import tomllib
    from importlib.util import find_spec
    from pathlib import Path

    from leapbench.contract import each

    spec = find_spec("leapbench.envs")
    for folder in (spec and spec.submodule_search_locations) or ():
        for path in sorted(Path(folder).glob("*/envs.toml")):
            read = tomllib.loads(path.read_text(encoding="utf-8"))
            shared = read.get("small", {})
            for one in read["env"]:
                small = shared | one.get("small", {})
                common = one | {"family": path.parent.name, "small": small}
                many = list(each.rows(read)) if "{" in one["id"] else [{}]
                for place, row in enumerate(many):
                    yield each.filled(common, row) | {"another": place > 0}


def register_all(gymnasium: ModuleType) -> None:
    """Register every declared id that `gymnasium` does not know yet."""
    for declaration in declared():
        if declaration["id"] not in gymnasium.registry:
            ours = ("family", "small", "another")
            gymnasium.register(**{k: v for k, v in declaration.items() if k not in ours})


def register_when_imported() -> None:
    """Register now if Gymnasium is loaded, else right after it will have been."""
    gymnasium = sys.modules.get("gymnasium")
    if gymnasium is None:
        sys.meta_path.insert(0, _AfterGymnasium())
    elif hasattr(gymnasium, "register"):
        register_all(gymnasium)


class _AfterGymnasium:
    """Meta path finder that calls `register_all` once Gymnasium has loaded.

    `wrapt.register_post_import_hook` does the same, but importing wrapt takes
    longer than the rest of this package.
    """

    def __init__(self) -> None:
        self._searching = False

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find Gymnasium as usual and hook into its loader; leave other names alone."""
        if name != "gymnasium" or self._searching:
            return None
        from importlib.util import find_spec

        self._searching = True
        try:
            spec = find_spec(name)
        finally:
            self._searching = False
        if spec is not None and spec.loader is not None:
            self._hook(spec.loader)
        return spec

    def _hook(self, loader: Any) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            if self in sys.meta_path:
                sys.meta_path.remove(self)
            register_all(module)

        loader.exec_module = exec_module
