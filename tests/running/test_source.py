"""The hash follows all that is imported inside the suite, and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from leapbench.contract import registry
from leapbench.contract.registration import declared
from leapbench.running import source
from leapbench.running.source import code_hash, files

ROOT = Path(__file__).parents[2]
FORMS = {  # how `kept/part.py` imports, and what of the package that reaches
    "import kept.other": "other",
    "import sys, kept.other as it  # why": "other",
    "import sys; import kept.other": "other",
    "from kept.other import Thing": "other",
    "from kept import other as it, missing": "other",
    "from kept import (  # some (odd) comment\n    missing,\n    other,\n)": "other",
    "from kept import \\\n    other": "other",
    "from kept import *": "other",
    "from .other import Thing": "other",
    "from . import missing, other": "other",
    "from .below import deep": "below/deep",
    "from .below.deep import Thing": "below/deep",
    "def run():\n    from kept.below import deep": "below/deep",
    "if True: from kept.below import deep": "below/deep",
    "ENTRY = 'kept.other:Thing'": "other",
    "import importlib\nnamed = lambda n: importlib.import_module(f'kept.{n}')": "part",
    "import importlib\nnamed = lambda n: importlib.import_module(f'kept.below.{n}')": "below/deep",
}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package that can be imported, whose files can be changed."""
    folder = tmp_path / "kept"
    for name in ("__init__", "part", "other", "unused", "below/__init__", "below/deep"):
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / f"{name}.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    source.forget()
    yield folder
    source.forget()
    for name in [name for name in sys.modules if name.partition(".")[0] == "kept"]:
        del sys.modules[name]


def hashed(entry: str = "kept.part:Part") -> str:
    source.forget()
    return code_hash((entry,))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_import_is_followed(kept: Path, form: str) -> None:
    (kept / "part.py").write_text(form)
    before = hashed()
    with (kept / f"{FORMS[form]}.py").open("a") as file:
        file.write("# changed")
    assert hashed() != before


def test_what_is_not_imported_does_not_count(kept: Path) -> None:
    (kept / "part.py").write_text("import json, numpy\nfrom kept.other import unused")
    before = hashed()
    (kept / "unused.py").write_text("x = 1")
    (kept / "below" / "deep.py").write_text("x = 1")
    (kept / "notes.md").write_text("Read me.")
    assert hashed() == before


@pytest.mark.parametrize(
    "name", ["means.json", "weights.npz", "w.safetensors", "envs.toml", "cached/digits.npz"]
)
def test_data_of_a_package_counts(kept: Path, name: str) -> None:
    before = hashed()
    (kept / name).parent.mkdir(exist_ok=True)
    (kept / name).write_text("1")
    first = hashed()
    (kept / name).write_text("2")
    assert len({before, first, hashed()}) == 3


def test_declarations_count_in_their_own_way(kept: Path) -> None:
    """What they decide is in the composition's record and in the protocol's hash."""
    before = hashed()
    for name in ("agent.toml", "family.toml", "variant.toml"):
        (kept / name).write_text("x = 1")
    assert hashed() == before


def test_a_renamed_file_counts_and_the_place_does_not(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (kept / "part.py").write_text("from kept.below import deep")
    before = hashed()
    kept.rename(tmp_path / "there")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "there").rename(tmp_path / "elsewhere" / "kept")
    monkeypatch.syspath_prepend(str(tmp_path / "elsewhere"))
    assert hashed() == before
    assert hashed("kept.other:Part") != before


def test_a_users_file_counts_with_its_neighbours(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("import helper\nfrom tools.one import One\nimport leapbench.macs")
    (tmp_path / "helper.py").write_text("import further")
    (tmp_path / "further.py").write_text("")
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "one.py").write_text("from .two import Two")
    (tmp_path / "tools" / "two.py").write_text("")
    (tmp_path / "unused.py").write_text("")
    found = files([f"{file}:Mine"])
    own = {label for label in found if label.startswith("./")}
    assert own == {f"./{n}.py" for n in ("mine", "helper", "further", "tools/one", "tools/two")}
    assert "leapbench/macs.py" in found
    before = hashed(f"{file}:Mine")
    (tmp_path / "tools" / "two.py").write_text("x = 1")
    assert hashed(f"{file}:Mine") != before


def test_a_module_may_count_without_its_imports(kept: Path) -> None:
    (kept / "other.py").write_text("import kept.unused")
    found = files(["kept.part:Part"], ["kept.other"])
    assert "kept/other.py" in found
    assert "kept/unused.py" not in found


@pytest.mark.parametrize("name", ["nowhere.at:All", "leapbench.nowhere:All", "kept.gone:All"])
def test_an_unknown_module_is_told(kept: Path, name: str) -> None:
    with pytest.raises(ModuleNotFoundError, match=name.partition(":")[0]):
        files([name])


def test_circles_end(kept: Path) -> None:
    (kept / "part.py").write_text("import kept.other")
    (kept / "other.py").write_text("import kept.part")
    assert {"kept/part.py", "kept/other.py"} <= files(["kept.other:It"]).keys()


def _everything() -> tuple[str, ...]:
    worlds = [
        each[key]
        for each in declared()
        for key in ("entry_point", "vector_entry_point")
        if key in each
    ]
    agents = [part.entry for part in registry.agents().values()]
    return (*worlds, *agents, *(task.harness for task in registry.tasks().values()))


def test_no_file_of_the_suite_is_out_of_reach() -> None:
    """What no part, harness or environment reaches could be missed by the hash."""
    reached = {path.resolve() for path in files(_everything()).values()}
    apart = {  # for viewers, scripts, a command, agents that users type, published counts, files
        *ROOT.glob("tasks/*/watch.py"),
        *ROOT.glob("envs/latency/sparse/*.py"),
        *(ROOT / "envs/latency" / name for name in ("calibration.py", "measuring.py")),
        *(ROOT / "envs/knowledge" / name for name in ("files.py", "recorded.py")),
        ROOT / "tasks/videoglance/published.py",
        ROOT / "agents/earlyexit/exit_weights_l2w/record.py",
        ROOT / "agents/common/stored/graph.py",
        ROOT / "agents/common/sb3_policy/policy.py",
        ROOT / "envs/urlb/dmc/pixels.py",
    }
    families = {task.family for task in registry.tasks().values()} | {"common"}
    folders = [ROOT / r / f for r in ("envs", "tasks", "agents") for f in sorted(families)]
    held = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    code = [f for f in held if f.suffix == ".py" and f.name != "__init__.py"]
    data = [f for f in held if f.suffix in source.DATA and f.suffix != ".toml"]
    assert [f for f in (*code, *data) if f not in reached | apart] == []


def test_the_whole_suite_is_hashed_with_each_file_read_and_searched_once() -> None:
    everything = _everything()
    source.forget()
    code_hash(everything)
    held = len(files(everything))
    assert held > 500
    assert source._digest.cache_info().misses == held
    assert source._imported.cache_info().misses == held
    assert source._listing.cache_info().misses < held / 2
    assert source._package.cache_info().misses < held / 2
