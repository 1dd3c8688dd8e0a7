"""Templates to HTML; whatever a submission wrote about itself is hostile text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from leapbench.leaderboards.render.text import HARMFUL, clean

PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,79}")
ARXIV = re.compile(r"\barXiv[: ](\d{4}\.\d{4,5})\b")
MAX_URL = 500


def environment() -> Environment:
    """Jinja as the site uses it: all text escaped, a missing value an error."""
    made = Environment(
        loader=PackageLoader("leapbench.leaderboards.site"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_clean,
    )
    made.filters |= {
        "web": web_address,
        "breakable": breakable,
        "papers": papers,
        "number": number,
        "listed": listed,
    }
    return made


def slug(name: str) -> str:
    """File name of a page, without ending; equal only for equal names.

    Two names that differ only in case, in what a file system may not hold or in
    being too long get a digest each.
    """
    if PLAIN.fullmatch(name) and name == name.lower() and ".." not in name:
        return name
    kept = re.sub(r"[^a-z0-9.+-]+", "-", name.lower()).strip(".-+")[:60].replace("..", "-")
    return f"{kept or 'agent'}_{sha256(name.encode('utf-8', 'replace')).hexdigest()[:10]}"


def web_address(text: str) -> str:
    """The text when it is an http(s) address that can be linked, else an empty string."""
    if len(text) > MAX_URL or HARMFUL.search(text) or re.search(r"[\s<>\"'`\\]", text):
        return ""
    try:
        parts = urlsplit(text)
        return text if parts.scheme in ("http", "https") and parts.hostname else ""
    except ValueError:
        return ""


def breakable(text: str) -> Markup:
    """A name with places where a narrow screen may break it, kept apart from what surrounds it."""
    pieces = re.split(r"(?<=[+/:])", clean(text))
    inner = Markup("<wbr>").join(escape(piece) for piece in pieces if piece)
    return Markup("<bdi>{}</bdi>").format(inner)


def papers(text: str) -> Markup:
    """A citation with its arXiv number as a link."""
    link = r'<a href="https://arxiv.org/abs/\1">arXiv \1</a>'
    return Markup(ARXIV.sub(link, str(escape(_clean(text)))))  # noqa: S704  digits alone enter


def number(value: float) -> str:
    """A number with thousands apart and no more than four decimals."""
    if float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.4f}".rstrip("0") if abs(value) >= 1e-3 else f"{value:.3g}"


def listed(values: Iterable[Any]) -> str:
    """Values as people list them: "1, 2 and 3"."""
    *first, last = [number(v) if isinstance(v, int | float) else str(v) for v in values] or [""]
    return f"{', '.join(first)} and {last}" if first else last


def _clean(value: Any) -> Any:
    """Text that a page can hold; anything else as it is."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return clean(value)
    return value
