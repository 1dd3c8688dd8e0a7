"""A table as one page: well formed, hostile text in it, nothing from elsewhere."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

import pytest
import sites
from test_render import HOSTILE, table

from leapbench.leaderboards.render import html
from leapbench.leaderboards.render.text import HARMFUL


@pytest.mark.parametrize("name", HOSTILE)
def test_the_page_stays_well_formed_and_runs_nothing_but_its_own(name):
    made = table(name, "b", title=name, subtitle=name, notes=(name,), tie=0)
    page = sites.Page(html.render(made))
    assert page.faults == []
    assert len(page.all("script")) == len(page.all("style")) == len(page.all("h1")) == 1
    assert page.all("img") == page.all("a") == []
    assert not any(key.startswith("on") or key == "style" for _, a in page.tags for key in a)
    assert page.links() == []
    assert not HARMFUL.search(page.text)
    if name.strip().isprintable():
        assert name.strip() in "".join(page.words)


def test_the_policy_names_the_style_and_the_script_and_nothing_else():
    text = html.render(table("a"))
    page = sites.Page(text)
    (policy,) = (m["content"] for m in page.all("meta") if "http-equiv" in m)
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        inside = text.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0]
        digest = b64encode(sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
