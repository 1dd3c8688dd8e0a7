"""Pages for what lies outside docs/ and is linked from there: examples, CONTRIBUTING, CHANGELOG.

On GitHub and in a checkout links lead to the files themselves. On the site, which may be read
without a checkout, Markdown is a page, code is shown on a page, and the rest is copied.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
TOP = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "CHANGELOG.md": "CHANGELOG.md",
}
"""Pages that stand outside docs/, and where they are on the site."""
NAMES = {uri: name for name, uri in TOP.items()}
SHOWN = {".py": "python", ".toml": "toml"}
LINK = re.compile(r"(?<=\]\()([^)#:\s]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page or a copy for every file outside docs/ that a page links."""
    texts = {name: (ROOT / name).read_text("utf-8") for name in TOP}
    pages = {f"docs/{f.src_uri}": f.content_string for f in files.documentation_pages()}
    wanted = {
        target
        for name, text in [*texts.items(), *pages.items()]
        for link in LINK.findall(text)
        if (target := _target(name, link)) and not target.startswith("docs")
    }
    for name in sorted(wanted | set(TOP)):
        files.append(_file(config, name))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links to files of the checkout into links to their pages."""
    here = page.file.src_uri
    name = NAMES.get(here, f"docs/{here}")

    def moved(match: re.Match[str]) -> str:
        target = _target(name, match[0])
        if not target:
            return match[0]
        there = target.removeprefix("docs/") if target.startswith("docs/") else _uri(target)
        return posixpath.relpath(there, posixpath.dirname(here) or ".")

    return LINK.sub(moved, markdown)


def _target(page: str, link: str) -> str:
    """Path in the checkout that a link of a page leads to, "" where there is nothing."""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(page), link))
    return path if not path.startswith("..") and (ROOT / path).exists() else ""


def _uri(name: str) -> str:
    """Where a file or folder of the checkout is on the site."""
    if name in TOP:
        return TOP[name]
    path = ROOT / name
    return f"{name}.md" if path.is_dir() or path.suffix in SHOWN else name


def _file(config: MkDocsConfig, name: str) -> File:
    """A file of the checkout on the site."""
    path = ROOT / name
    if not path.is_dir() and path.suffix not in SHOWN:
        return File.generated(config, _uri(name), abs_src_path=str(path))
    found = sorted(path.rglob("*")) if path.is_dir() else [path]
    shown = [each for each in found if each.suffix in SHOWN]
    parts = [f"# {name}", *(_shown(each) for each in shown)]
    return File.generated(config, _uri(name), content="\n\n".join(parts))


def _shown(path: Path) -> str:
    """A file as a block of code."""
    return f'```{SHOWN[path.suffix]} title="{path.relative_to(ROOT)}"\n{path.read_text()}\n```'
