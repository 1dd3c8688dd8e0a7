"""Results without runs, and a reader of pages, for the tests of the site."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from leapbench.contract.registry import task
from leapbench.results import result
from leapbench.results.result import AgentRecord, Part, Result, Timing

TASK = task("earlyexit/digits")
PROTOCOL = TASK.protocols["smoke"]
VOID = {"meta", "link", "img", "br", "wbr", "source", "input", "hr"}


def made(
    model: str, seed: int, score: float | None, policy: str = "confidence", **fields
) -> Result:
    """One early-exit result with a curve around its score."""
    parts = (
        Part(name=model, role="model", version=1, config={}),
        Part(name=policy, role="policy", version=1, config={}),
    )
    budgets = PROTOCOL.evaluation.budgets
    curve = [
        {"budget": b, "accuracy": (score or 0) + 0.01 * (i - 2)} for i, b in enumerate(budgets)
    ]
    ok = score is not None
    defaults = {
        "status": "ok" if ok else "failed",
        "message": "" if ok else "RuntimeError: it broke",
        "task": TASK.name,
        "tier": "smoke",
        "protocol_hash": PROTOCOL.hash,
        "agent": AgentRecord(name=f"{model}+{policy}", parts=parts),
        "seed": seed,
        "score": score,
        "normalised": PROTOCOL.metric.normalise(score) if ok else None,
        "details": {"curve": curve} if ok else {},
        "timing": Timing(started=f"2026-03-0{seed + 1}T10:00:00+00:00", wall=1.0, cpu=2.5),
    }
    return Result(**(defaults | fields))


def write(root: Path, results: list[Result]) -> Path:
    """Results as a runs folder; the file names are ours, the content theirs."""
    for i, found in enumerate(results):
        folder = root / found.task / found.tier / f"agent-{i}"
        result.write(found, folder / f"seed-{found.seed}.json")
    return root


def some() -> list[Result]:
    """Three agents with three seeds each, one with a seed that failed and one with no other."""
    means = {"l2w-den": 0.91, "msdnet": 0.88, "ranet": 0.82}
    results = [made(m, s, v + 0.01 * s) for m, v in means.items() for s in range(3)]
    return [*results, made("plain", 0, 0.9), made("plain", 1, None), made("never", 0, None)]


@dataclass
class Page(HTMLParser):
    """What the tests ask of a page."""

    text: str
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.text)
        self.close()
        self.faults += [f"never closed: {tag}" for tag in self.open]

    def handle_starttag(self, tag, attrs):
        if len({name for name, _ in attrs}) < len(attrs):
            self.faults.append(f"an attribute twice: {tag} {attrs}")
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"closed and not open: {tag}")

    def handle_data(self, data):
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def links(self) -> list[str]:
        """Everything that the page refers to."""
        names = ("href", "src", "srcset")
        return [value for _, a in self.tags for name in names if (value := a.get(name))]


def read(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))
