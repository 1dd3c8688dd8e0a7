"""The site in a real browser: sorting, phones, dark, reduced motion, no errors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import chromium
import pytest

from leapbench.contract import registry

FAMILIES = len({task.family for task in registry.tasks().values()})
ALL = ("index.html", "agents.html", "claims.html", "families/earlyexit.html")
MORE = ("tasks/earlyexit-digits.html", "agents/l2w-den+confidence.html")
BOARD = ".scroll table"
COLUMN = """
const table = document.querySelector(".scroll table");
const index = [...table.tHead.rows[0].cells].findIndex(c => c.textContent.startsWith(NAME));
return [...table.tBodies[0].rows].map(row => row.cells[index].dataset.sort);
"""
# Relative luminance and contrast as WCAG 2.2 defines them, for every text on the page.
CONTRAST = """
const paint = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
const rgb = (text) => {
  paint.clearRect(0, 0, 1, 1); paint.fillStyle = text; paint.fillRect(0, 0, 1, 1);
  return [...paint.getImageData(0, 0, 1, 1).data];
};
const light = (c) => {
  const [r, g, b] = c.slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (e) => {
  for (; e; e = e.parentElement) {
    const c = rgb(getComputedStyle(e).backgroundColor);
    if (c[3] === 255) return c;
  }
  return [255, 255, 255, 255];
};
const found = {};
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
  const e = walk.currentNode.parentElement;
  if (!walk.currentNode.textContent.trim() || !e.getClientRects().length) continue;
  const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const what = `${e.tagName}.${e.className}`;
  found[what] = Math.min(ratio, found[what] ?? 99);
}
return found;
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[chromium.Browser]:
    if chromium.missing():
        pytest.skip(chromium.missing())
    with chromium.Browser() as started:
        yield started


@pytest.fixture
def page(browser: chromium.Browser) -> Iterator[chromium.Browser]:
    browser.size(1280)
    browser.prefer(prefers_color_scheme="light", prefers_reduced_motion="no-preference")
    browser.console()
    yield browser
    assert browser.console() == []


def column(page: chromium.Browser, name: str) -> list[str]:
    return page.run(COLUMN.replace("NAME", repr(name)))


@pytest.mark.parametrize("name", [*ALL, *MORE])
def test_pages_load_without_complaint_and_fit_a_phone(page, site: Path, name: str):
    for width in (1280, 360, 320):
        page.size(width)
        page.open(site / name)
        assert page.run("return document.documentElement.scrollWidth") <= width
    pictures = "return [...document.images].filter(i => i.loading !== 'lazy' && !i.naturalWidth)"
    assert page.run(f"{pictures}.map(i => i.src)") == []
    style = "return getComputedStyle(document.body).backgroundColor"
    assert page.run(style) == "rgb(254, 254, 254)"  # the style sheet was let through


def test_headers_sort_with_the_mouse_and_the_keyboard(page, site: Path):
    page.open(site / "agents.html")
    first = column(page, "Agent")
    page.click("th.col-agent button")
    assert column(page, "Agent") == sorted(first)
    assert page.run("return document.querySelector('th.col-agent').ariaSort") == "ascending"
    page.keys("th.col-agent button", "\ue007")  # Enter
    assert column(page, "Agent") == sorted(first, reverse=True)
    page.keys("th.col-normalised button", " ")
    scores = column(page, "Best normalised")
    assert scores[-1] == ""  # what has no score is last
    assert [float(s) for s in scores[:-1]] == sorted(map(float, scores[:-1]), reverse=True)
    assert page.run("return document.querySelectorAll('[aria-sort]').length") == 1
    page.keys("th.col-normalised button", " ")
    assert column(page, "Best normalised") == [*sorted(scores[:-1], key=float), ""]


def test_without_script_the_table_stands_in_rank_order(browser, site: Path):
    browser.devtools("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(site / "tasks/earlyexit-digits.html")
        text = browser.devtools("DOM.getDocument", depth=0)
        html = browser.devtools("DOM.getOuterHTML", nodeId=text["root"]["nodeId"])["outerHTML"]
    finally:
        browser.devtools("Emulation.setScriptExecutionDisabled", value=False)
    assert "<button" not in html
    board = html[html.index("<tbody>") :]
    assert board.index("l2w-den+") < board.index("msdnet+") < board.index("ranet+")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", [*ALL, *MORE])
def test_text_has_contrast(page, site: Path, name: str, scheme: str):
    page.prefer(prefers_color_scheme=scheme)
    page.open(site / name)
    ratios = page.run(CONTRAST)
    assert len(ratios) > 5
    assert {what: ratio for what, ratio in ratios.items() if ratio < 4.5} == {}


def test_dark_is_dark_and_charts_follow(page, site: Path):
    chart = next((site / "images").glob("*-curves.svg"))
    shades = []
    for scheme in ("light", "dark"):
        page.prefer(prefers_color_scheme=scheme)
        page.open(site / "index.html")
        paper = page.run("return getComputedStyle(document.body).backgroundColor")
        page.open(chart)
        back = page.run("return getComputedStyle(document.querySelector('#patch_1 path')).fill")
        assert paper == back
        shades.append(back)
    assert shades == ["rgb(254, 254, 254)", "rgb(18, 23, 28)"]


def test_the_animation_stops_on_demand_and_for_those_who_want_no_motion(page, site: Path):
    shown = "return document.querySelector('picture img').currentSrc.includes('-still')"
    asked = (
        "return [...document.querySelectorAll('picture img')].map(i => i.src.includes('-still'))"
    )
    for name, films in (("families/earlyexit.html", 1), ("index.html", FAMILIES)):
        page.prefer(prefers_reduced_motion="no-preference")
        page.open(site / name)
        assert not page.run(shown)
        page.click(".play")
        assert page.run(asked) == [True] * films
        page.prefer(prefers_reduced_motion="reduce")
        page.open(site / name)
        assert page.run(shown)
        page.click(".play")
        assert page.run(asked) == [False] * films


def test_the_menu_folds_holds_every_family_and_closes_with_escape(page, site: Path):
    page.size(360)
    page.open(site / "index.html")
    seen = (
        "return [...document.querySelectorAll('.menu a')].filter(a => a.checkVisibility()).length"
    )
    assert page.run(seen) == 0
    page.keys(".menu summary", "\ue007")  # Enter
    assert page.run(seen) == FAMILIES
    assert page.run("return document.documentElement.scrollWidth") <= 360
    page.keys(".menu a", "\ue00c")  # Escape
    assert page.run(seen) == 0
    assert page.run("return document.activeElement.localName") == "summary"


def test_what_has_the_focus_is_seen(page, site: Path):
    page.open(site / "agents.html")
    page.keys("body", "\ue004")  # Tab: the link that skips to the content comes out
    seen = "const b = document.activeElement.getBoundingClientRect(); return b.left >= 0"
    assert page.run("return document.activeElement.className") == "skip"
    assert page.run(seen)
    width = "return getComputedStyle(document.activeElement).outlineWidth"
    assert page.run(width) == "3px"
