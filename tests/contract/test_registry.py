"""Folders and plug-ins are found without their code; a broken one costs one line."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from leapbench.contract import registry
from leapbench.errors import UserError

AGENT = """
[{name}]
role = "policy"
entry = "extra.agents.one.learn:One"
summary = "One"
"""
Install = Callable[[dict[str, str]], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Writes and installs a distribution `extra`, whose code cannot be imported."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(files: dict[str, str]) -> None:
        info = "extra-1.0.dist-info"
        points = (
            "[leapbench.agents]\nextra = extra.agents\n[leapbench.tasks]\nextra = extra.tasks\n"
        )
        plain = {
            f"{info}/METADATA": "Metadata-Version: 2.1\nName: extra\nVersion: 1.0\n",
            f"{info}/entry_points.txt": points,
            "extra/__init__.py": "",
            "extra/agents/__init__.py": "raise RuntimeError('imported to be listed')",
            "extra/tasks/__init__.py": "raise RuntimeError('imported to be listed')",
        }
        for name, text in (plain | files).items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(textwrap.dedent(text))
        forget()

    yield write
    for name in [name for name in sys.modules if name.partition(".")[0] == "extra"]:
        del sys.modules[name]
    forget()


def forget() -> None:
    registry.tasks.cache_clear()
    registry.agents.cache_clear()


def test_our_own_tasks_and_agents_are_found() -> None:
    for name, task in registry.tasks().items():
        assert task.name == name
        assert registry.task(name) is task
    for name, part in registry.agents().items():
        assert name == f"{part.family or registry.COMMON}/{part.name}"
        assert registry.agents_of(part.family)[part.name] is part


@pytest.mark.usefixtures("plugin")
def test_a_plug_in_is_found_and_not_imported() -> None:
    assert registry.task("coins/small").harness.startswith("toys.")
    assert registry.agent("toy-guess", "coins").entry == "toys.agents.coins.guess.learn:Guess"
    assert not any(name.startswith("toys.agents.") for name in sys.modules)


@pytest.mark.filterwarnings("error")
def test_a_plug_ins_code_is_not_run_to_list_it(install: Install) -> None:
    install({"extra/agents/cards/one/agent.toml": AGENT.format(name="one")})
    assert registry.agent("one", "cards").family == "cards"


@pytest.mark.parametrize(
    "content",
    [
        "[one",
        "role = 3",
        "[one]\nrole = 'policy'",
        "[one]\nrole = 'king'\nentry = 'a:B'\nsummary = ''",
        "[one]\nrole = 'policy'\nentry = 'a:B'\nsummary = ''\ncolour = 'red'",
        "[one]\nconfig = 3",
        "[[one]]\nrole = 'policy'",
        "[One]\nrole = 'policy'\nentry = 'a:B'\nsummary = ''",
    ],
)
def test_a_broken_agent_costs_one_line(install: Install, content: str) -> None:
    good = AGENT.format(name="two")
    install(
        {"extra/agents/cards/one/agent.toml": content, "extra/agents/cards/two/agent.toml": good}
    )
    with pytest.warns(UserWarning, match=r"one.agent\.toml is left out") as told:
        found = registry.agents()
    assert "cards/two" in found
    assert "cards/one" not in found
    assert len(told) == 1
    assert "\n" not in str(told[0].message)


@pytest.mark.parametrize(
    "content",
    ["[card", "", "protocols = 3", "[[protocols]]", "[protocols]\nsmoke = 3", "[protocols.smoke]"],
)
def test_a_broken_task_costs_one_line(install: Install, content: str) -> None:
    install({"extra/tasks/cards/family.toml": "", "extra/tasks/cards/one.toml": content})
    with pytest.warns(UserWarning, match=r"one\.toml is left out") as told:
        found = registry.tasks()
    assert "cards/one" not in found
    assert "earlyexit/digits" in found
    assert len(told) == 1
    assert "\n" not in str(told[0].message)


def test_bytes_that_are_no_text_cost_one_line(install: Install, tmp_path: Path) -> None:
    install({"extra/agents/cards/one/agent.toml": ""})
    (tmp_path / "extra/agents/cards/one/agent.toml").write_bytes(b"\xff\xfe")
    with pytest.warns(UserWarning, match="left out"):
        registry.agents()


@pytest.mark.parametrize("value", ["extra.nowhere", "nowhere", "nowhere.agents"])
def test_a_missing_package_costs_one_line(install: Install, value: str) -> None:
    points = f"[leapbench.agents]\nextra = {value}\n"
    install({"extra-1.0.dist-info/entry_points.txt": points})
    with pytest.warns(UserWarning, match=f"Plug-in '{value}' is broken: No module") as told:
        assert "earlyexit/msdnet" in registry.agents()
    assert len(told) == 1


def test_a_plug_in_that_cannot_be_imported_costs_one_line(install: Install) -> None:
    install({"extra/__init__.py": "raise RuntimeError('two\\nlines')"})
    with pytest.warns(UserWarning, match="Plug-in 'extra.agents' is broken: two lines"):
        assert "earlyexit/msdnet" in registry.agents()


def test_a_name_is_declared_once(install: Install) -> None:
    install({"extra/agents/earlyexit/one/agent.toml": AGENT.format(name="msdnet")})
    with pytest.warns(UserWarning, match="'earlyexit/msdnet' is declared twice"):
        assert registry.agents()["earlyexit/msdnet"].entry.startswith("leapbench.")
    assert len(registry.agents()) > 10


def test_a_name_may_be_in_two_families(install: Install) -> None:
    install({"extra/agents/cards/one/agent.toml": AGENT.format(name="msdnet")})
    assert registry.agent("msdnet", "cards").entry == "extra.agents.one.learn:One"
    assert registry.agent("msdnet", "earlyexit").role == "model"
    with pytest.raises(UserError, match="'msdnet' is of earlyexit and cards, not of urlb"):
        registry.agent("msdnet", "urlb")


def early(name: str) -> object:
    return registry.agent(name, "earlyexit")


@pytest.mark.parametrize(
    ("look", "typed", "message"),
    [
        (registry.task, "earlyexit/digit", "Did you mean 'earlyexit/digits'"),
        (early, "msdnt", "Did you mean 'msdnet'"),
        (registry.task, "????", "leapbench list tasks"),
        (early, "????", "leapbench list agents"),
    ],
)
def test_an_unknown_name_gets_the_nearest(
    look: Callable[[str], object], typed: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        look(typed)


def test_tiers_are_merged_over_the_family_and_the_task(tmp_path: Path) -> None:
    family, file = tmp_path / "cards" / "family.toml", tmp_path / "cards" / "one.toml"
    family.parent.mkdir()
    family.write_text(
        textwrap.dedent("""
            harness = "extra:Harness"
            card = { title = "t", summary = "s", paper = "p", scarce = "c" }
            [protocol]
            version = 1
            phases = []
            evaluation = { environment = "E-v0", episodes = 1 }
            settings = { a = 1, b = 1, c = 1 }
            [protocol.metric]
            name = "m"
            floor = { value = 0, source = "f" }
            ceiling = { value = 1, source = "c" }
        """)
    )
    file.write_text(
        textwrap.dedent("""
            [protocol.settings]
            b = 2
            c = 2
            [protocols.smoke.settings]
            c = 3
            [protocols.lite]
        """)
    )
    (task,) = registry.read_task(file, family).values()
    assert task.name == "cards/one"
    assert task.protocols["smoke"].settings == {"a": 1, "b": 2, "c": 3}
    assert task.protocols["lite"].settings == {"a": 1, "b": 2, "c": 2}
    assert {p.tier for p in task.protocols.values()} == {"smoke", "lite"}


VARIANT = """
[card]
title = "Base"

[protocols.smoke]
phases = []
[protocols.smoke.evaluation]
episodes = 3
"""
CLAIMS = """
[[claims]]
name = "base-claim"
agent = "a"
over = "b"
"""


def folder_of(tmp_path: Path, **files: str) -> Path:
    """A family's folder under `tmp_path` with variants of the toy family."""
    family = Path(__file__).parents[1] / "plugin" / "toys" / "tasks" / "coins" / "family.toml"
    (tmp_path / "family.toml").write_text(family.read_text())
    for name, text in files.items():
        (tmp_path / f"{name}.toml").write_text(text)
    return tmp_path


def read(folder: Path, name: str):
    (task,) = registry.read_task(folder / f"{name}.toml", folder / "family.toml").values()
    return task


def test_a_variant_extends_another_and_states_its_own_claims(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path,
        base=VARIANT + CLAIMS + "[small]\n",
        longer='extends = "base"\n[protocols.smoke.evaluation]\nepisodes = 9\n',
        other='extends = "longer"\n' + CLAIMS.replace("base-claim", "own"),
    )
    base, longer, other = (read(folder, name) for name in ("base", "longer", "other"))
    assert [t.protocols["smoke"].evaluation.episodes for t in (base, longer, other)] == [3, 9, 9]
    assert [t.claims[0].name for t in (base, longer, other)] == ["base-claim", "base-claim", "own"]
    assert longer.card.title == "Base"
    assert (longer.name, longer.protocols["smoke"].task) == (f"{tmp_path.name}/longer",) * 2
    assert base.small is not None
    assert longer.small is None


@pytest.mark.parametrize("name", ["nothing", "family", "one"])
def test_a_variant_extends_another_variant_only(tmp_path: Path, name: str) -> None:
    folder = folder_of(tmp_path, one=f'extends = "two"\n{VARIANT}', two=f'extends = "{name}"\n')
    with pytest.raises(ValueError, match="no other variant of its family"):
        read(folder, "one")
