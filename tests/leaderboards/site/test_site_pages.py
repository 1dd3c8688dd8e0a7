"""Pages: links, structure, what they say, and hostile text in what was submitted."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest
import sites
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from leapbench.contract import registry
from leapbench.leaderboards.render.text import HARMFUL
from leapbench.leaderboards.site import agents
from leapbench.leaderboards.site.build import build
from leapbench.leaderboards.site.markup import breakable, environment, slug, web_address
from leapbench.leaderboards.submissions.bundle.manifest import Entrant
from leapbench.results.result import AgentRecord, Part

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "../../../etc/passwd",
    "{{ 7 * 7 }}{% raw %}",
    "$\\frac{1}$_x",
    "_hidden",
    "a\x00b\u202ecba\n\nc",
    "x; rm -rf ~ #",
    "a" * 300,
    "Ünï 名前",
    "",
)


def pages(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def test_every_kind_of_page_is_there(site):
    names = {path.relative_to(site).as_posix() for path in pages(site)}
    assert {"index.html", "agents.html", "claims.html", "families/earlyexit.html"} <= names
    assert {"tasks/earlyexit-digits.html", "agents/l2w-den+confidence.html"} <= names


def test_every_link_leads_to_a_file_of_the_site_or_to_the_web(site):
    checked = 0
    for path in pages(site):
        for link in sites.read(path).links():
            parts = urlsplit(link)
            if parts.scheme:
                assert parts.scheme == "https"
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.is_file(), f"{path.name} -> {link}"
            assert target.is_relative_to(site.resolve())
            if parts.fragment:
                ids = {a.get("id") for _, a in sites.read(target).tags}
                assert parts.fragment in ids, f"{path.name} -> {link}"
            checked += 1
    assert checked > 100


def test_pages_are_well_formed_and_have_what_a_screen_reader_needs(site):
    for path in pages(site):
        page = sites.read(path)
        assert page.faults == [], path.name
        assert len(page.all("h1")) == 1
        assert page.all("html")[0]["lang"] == "en"
        assert len(page.all("main")) == len(page.all("nav")) == 1
        ids = [a["id"] for _, a in page.tags if "id" in a]
        assert len(ids) == len(set(ids)), path.name
        assert all(image.get("alt", "").strip() for image in page.all("img"))
        assert all(
            a.get("aria-labelledby") in ids or a.get("aria-label")
            for _, a in page.tags
            if a.get("role") == "region"
        )
        assert len(page.all("caption")) == len(page.all("table"))
        levels = [int(tag[1]) for tag, _ in page.tags if tag in ("h1", "h2", "h3", "h4")]
        assert all(b - a <= 1 for a, b in pairwise(levels)), path.name


def test_nothing_is_loaded_from_elsewhere(site):
    for path in pages(site):
        page = sites.read(path)
        policy = next(m["content"] for m in page.all("meta") if "http-equiv" in m)
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert not any("http" in (a.get("src") or "") for _, a in page.tags)
        assert all(not urlsplit(link["href"]).scheme for link in page.all("link"))
        assert not any("style" in a or any(k.startswith("on") for k in a) for _, a in page.tags)
        assert all(script.get("src") for script in page.all("script"))


def test_the_board_says_who_is_first_and_who_failed(site):
    text = " ".join(sites.read(site / "tasks/earlyexit-digits.html").words)
    assert text.index("l2w-den+") < text.index("msdnet+") < text.index("ranet+")
    failed = " ".join(sites.read(site / "agents/plain+confidence.html").words)
    assert "RuntimeError: it broke" in failed
    index = " ".join(sites.read(site / "index.html").words)
    assert "2026-03-03" in index


def test_an_agents_page_says_how_to_run_it(site):
    text = " ".join(sites.read(site / "agents/msdnet+confidence.html").words)
    assert "leapbench run earlyexit/digits msdnet+confidence --tier smoke --seeds 0-2" in text


def test_the_episode_moves_and_has_a_still_for_those_who_asked(site):
    page = sites.read(site / "families/earlyexit.html")
    (source,) = page.all("source")
    assert source["media"] == "(prefers-reduced-motion: reduce)"
    (shown,) = (i for i in page.all("img") if i["src"].endswith("earlyexit-digits-v0.webp"))
    with Image.open(site / "families" / source["srcset"]) as still:
        assert not still.is_animated
    with Image.open(site / "families" / shown["src"]) as film:
        assert film.is_animated
        assert film.size == (int(shown["width"]), int(shown["height"]))


def test_the_home_page_shows_every_family(site):
    page = sites.read(site / "index.html")
    families = {task.family for task in registry.tasks().values()}
    films = {image["src"] for image in page.all("img")}
    assert len(films) == len(families)
    scarce = [word for word in page.words if word.startswith("Scarce: ")]
    assert len(scarce) == len(families)
    linked = {link for link in page.links() if link.startswith("families/")}
    assert len(linked) == len(families)


def test_published_numbers_are_marked(site):
    page = sites.read(site / "tasks/earlyexit-imagenet.html")
    assert " ".join(page.words).count("published, not run here") >= 3


@pytest.mark.usefixtures("quick")
def test_hostile_names_stay_text(tmp_path):
    results = []
    for i, name in enumerate(HOSTILE):
        base = sites.made(f"m{i}", 0, 0.5 + i / 100)
        parts = tuple(Part(name=name, role=part.role) for part in base.agent.parts)
        agent = AgentRecord(name=name, parts=parts)
        results += [sites.made(f"m{i}", s, 0.5 + i / 100, agent=agent) for s in range(2)]
    build(tmp_path / "site", sites.write(tmp_path / "runs", results), title=HOSTILE[0])
    files = pages(tmp_path / "site")
    assert len([f for f in files if f.parent.name == "agents"]) == len(HOSTILE)
    assert {f.parent.parent for f in files} <= {tmp_path / "site", tmp_path}
    for path in files:
        page = sites.read(path)
        assert page.faults == []
        assert [s["src"].rpartition("/")[2] for s in page.all("script")] == ["site.js"]
        assert not any(k.startswith("on") for _, a in page.tags for k in a)
        assert all(urlsplit(link).scheme in ("", "https") for link in page.links())
        assert not HARMFUL.search(page.text.replace("\n", " "))
    for chart in (tmp_path / "site/images").glob("*.svg"):
        tree = ElementTree.parse(chart)  # noqa: S314  well-formed is what is tested
        tags = {element.tag.rpartition("}")[2] for element in tree.iter()}
        assert "path" in tags
        assert "script" not in tags
    shown = " ".join(" ".join(sites.read(f).words) for f in files)
    assert "<script>alert(1)</script>" in shown
    assert "{{ 7 * 7 }}" in shown
    assert "leapbench run earlyexit/digits 'x; rm -rf ~ #'" in shown


def test_entrants_get_a_link_only_for_web_addresses(monkeypatch):
    page = agents.AgentPage("a", "agents/a.html", True, [])
    entrants = [
        Entrant.model_construct(name="Bad <b>", url="javascript:alert(1)", notes="<i>note</i>"),
        Entrant(name="Good", url="https://example.org/a?b=c&d"),
    ]
    found = [agents.Author(entrant, 1, "2026-03-01", "", "here") for entrant in entrants]
    monkeypatch.setattr(agents.AgentPage, "authors", found)

    class Shell:
        title, menu, families, results, newest = "t", [], [], 0, ""

    template = environment().get_template("agent.html.j2")
    read = sites.Page(template.render(site=Shell, path="x", root="../", agent=page))
    assert read.faults == []
    assert "javascript:alert(1)" not in read.links()
    assert "https://example.org/a?b=c&d" in read.links()
    assert "<i>note</i>" in "".join(read.words)


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "JAVASCRIPT:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "//example.org",
        "http://",
        "https://exa mple.org",
        'https://example.org/"onclick="x',
        "https://example.org/" + "a" * 600,
        "http://[::1",
        "",
    ],
)
def test_other_addresses_are_no_links(address):
    assert web_address(address) == ""


@given(st.text())
def test_only_http_gets_through(text):
    found = web_address(text)
    assert found in ("", text)
    assert not found or found.lower().startswith(("http://", "https://"))


@given(st.lists(st.text(max_size=100), min_size=2, max_size=5, unique=True))
def test_file_names_are_safe_and_differ_where_names_do(names):
    found = [slug(name) for name in names]
    assert len({name.lower() for name in found}) == len(names)
    for name in found:
        assert 0 < len(name) < 100
        assert not set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789.+-_")
        assert not name.startswith((".", "-"))
        assert ".." not in name


@given(st.text())
def test_a_broken_name_reads_as_before(text):
    page = sites.Page(str(breakable(text)))
    assert page.faults == []
    assert {tag for tag, _ in page.tags} <= {"bdi", "wbr"}
    kept = HARMFUL.sub("\N{REPLACEMENT CHARACTER}", text)
    assert "".join(page.words) == kept
