"""The documents: links lead somewhere, and what they name exists."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from leapbench.cli import COMMANDS
from leapbench.contract import registry
from leapbench.running.watch import environments

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


def test_the_page_of_commands_names_every_one() -> None:
    text = (ROOT / "docs" / "commands.md").read_text()
    assert [name for name in COMMANDS if f"`leapbench {name}" not in text] == []


def test_readme_names_every_family() -> None:
    text = README.read_text()
    assert {f"`{task.family}`" for task in registry.tasks().values()} == set(
        re.findall(r"^\| \[(`\w+`)\]\(docs/[\w-]+\.md\) \|", text, re.MULTILINE)
    )


def test_every_page_has_a_place_in_the_navigation() -> None:
    listed = re.findall(r": ([\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert sorted(listed) == sorted({*pages, "index.md", "CONTRIBUTING.md", "CHANGELOG.md"})


def test_sections_that_links_name_exist() -> None:
    for page in PAGES:
        for name, section in re.findall(r"\]\(([^)#:\s]*)#([^)]*)\)", page.read_text()):
            text = (page.parent / name if name else page).read_text()
            titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
            assert section in {re.sub(r"[^\w -]", "", t).lower().replace(" ", "-") for t in titles}


@pytest.mark.slow
def test_the_site_of_the_pages_is_built_without_a_warning(tmp_path: Path) -> None:
    """Strict: a link, section or docstring that is not found ends the build."""
    pytest.importorskip("mkdocs")
    build = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    gallery = (tmp_path / "gallery.html").read_text()
    assert [name for name in environments() if name not in gallery] == []
    pages = [path.read_text() for path in tmp_path.rglob("*.html")]
    loaded = re.compile(r"<(?:script|link|img)[^>]* (?:src|href)=\"?https?:")
    assert [found for text in pages for found in loaded.findall(text)] == []


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
