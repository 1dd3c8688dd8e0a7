"""The documents: links lead somewhere, and what they name exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from leapbench.cli import COMMANDS
from leapbench.contract import registry

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    assert [t for t in targets if not (page.parent / t).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_exist(page: Path) -> None:
    named = re.findall(r"(?:^\s*|`)leapbench ([a-z]+)", page.read_text(), re.MULTILINE)
    assert set(named) <= set(COMMANDS)


def test_readme_names_every_command_and_family() -> None:
    text = README.read_text()
    assert all(f"`leapbench {name}" in text for name in COMMANDS)
    assert {f"`{task.family}`" for task in registry.tasks().values()} == set(
        re.findall(r"^\| \[(`\w+`)\].*\| [^|]*\bhere\b[^|]* \|$", text, re.MULTILINE)
    )


FAMILIES = sorted({task.family for task in registry.tasks().values()})


@pytest.mark.parametrize("family", FAMILIES)
def test_the_page_of_a_family_names_every_agent_and_task(family: str) -> None:
    """The page is the one that the README's table links; numbered variants go by their first."""
    (page,) = re.findall(rf"^\| \[`{family}`\]\((.*?)\)", README.read_text(), re.MULTILINE)
    text = (ROOT / page).read_text()
    named = set(re.findall(r"`([a-z0-9/-]+)`", text))
    agents = {name for name, part in registry.agents_of(family).items() if part.family}
    unnumbered = {name for name in agents if not re.fullmatch(r".*-\d", name)}
    tasks = {name for name in registry.tasks() if name.startswith(f"{family}/")}
    assert unnumbered - named == set()
    assert {task for task in tasks if not re.search(rf"{task}\b", text)} == set()
