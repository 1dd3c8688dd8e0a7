"""A table as one page that needs nothing else: style and script are inside."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from leapbench.leaderboards.render.table import Table
from leapbench.leaderboards.site.markup import environment

STATIC = "leapbench.leaderboards.site"


def render(*tables: Table, framed: bool = False) -> str:
    """The tables under the heading of the first; readable on a phone, light and dark.

    The page is drawn by the site's own macro, and may load and run only what it
    came with: the policy in its head names the hashes of its style and script.

    Args:
        tables: what to draw.
        framed: for a frame within another page: smaller, without the heading and the footer.
    """
    return page("single", tables=tables, framed=framed)


def page(template: str, **given: Any) -> str:
    """A page that needs nothing else, from one of the site's templates.

    Args:
        template: its name, without endings.
        given: what it shows.
    """
    style, script = _inside("site.css"), _inside("site.js")
    return (
        environment()
        .get_template(f"{template}.html.j2")
        .render(
            style=Markup(style),  # noqa: S704  our own file
            script=Markup(script),  # noqa: S704  our own file
            style_hash=_hash(style),
            script_hash=_hash(script),
            **given,
        )
    )


def _inside(name: str) -> str:
    """A static file of the site, as it stands between its tags."""
    return files(STATIC).joinpath("static", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()
