"""What parts learned, kept beside a result, in the layout that model hubs have.

A folder a part: what it saved (safetensors, npz, JSON), `leapbench.json`, which says what it
is, and `README.md`, a card made from its declaration.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leapbench.contract.agent import Learner
from leapbench.contract.declaration import Declaration
from leapbench.contract.task import Protocol
from leapbench.errors import UserError
from leapbench.results.values import LONGEST

if TYPE_CHECKING:
    from leapbench.running.composition import Composition

RECORD, CARD = "leapbench.json", "README.md"
LARGEST = 1_000_000
"""Bytes of a record."""


def missing(folder: Path) -> bool:
    """Whether no part is kept in a folder."""
    return not any(folder.glob(f"*/{RECORD}"))


def keep(
    folder: Path,
    protocol: Protocol,
    seed: int,
    agent: Composition,
    learned: Mapping[str, Learner],
) -> None:
    """Write every learned part into a folder of its slot, whole or not at all.

    Args:
        folder: where those folders go; what is there is replaced.
        protocol: what they learned under.
        seed: of the run.
        agent: the parts' declarations and settings.
        learned: parts by slot.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".parts-", dir=folder.parent) as name:
        for slot, part in learned.items():
            role = (
                slot
                if slot in agent.parts
                else next(phase.role for phase in protocol.phases if phase.name == slot)
            )
            own = Path(name) / "all" / slot
            own.mkdir(parents=True)
            part.save(own)
            facts = record(protocol, seed, agent, role, slot)
            (own / RECORD).write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")
            (own / CARD).write_text(card(agent.parts[role], facts), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        (Path(name) / "all").replace(folder)


def record(
    protocol: Protocol, seed: int, agent: Composition, role: str, slot: str
) -> dict[str, Any]:
    """What a part is, as JSON data."""
    part = agent.parts[role]
    return {
        "task": protocol.task,
        "tier": protocol.tier,
        "protocol": protocol.hash,
        "agent": agent.name,
        "part": part.name,
        "role": role,
        "slot": slot,
        "version": part.version,
        "settings": agent.config[role],
        "seed": seed,
    }


def card(part: Declaration, facts: Mapping[str, Any]) -> str:
    """A model card: a header for hubs, what the part is, and how to load it."""
    settings = "\n".join(f"* `{key}`: {value}" for key, value in facts["settings"].items())
    paper = f"\nMethod: {part.paper}.\n" if part.paper else ""
    return f"""---
library_name: leapbench
tags: [leapbench, "{facts["task"]}"]
---

# {part.name} on {facts["task"]}

{part.summary}.
{paper}
It learned as the {facts["role"]} of `{facts["agent"]}`, tier {facts["tier"]} (protocol
{facts["protocol"]}), seed {facts["seed"]}, with these settings:

{settings or "* none"}

```python
import leapbench as lb

part = lb.load("path/to/this/folder")
```
"""


def described(folder: Path) -> dict[str, str | int | dict[str, Any]]:
    """What a folder says that it holds; not to be trusted beyond its form.

    Raises:
        UserError: when it holds no part.
    """
    file = folder / RECORD
    if not file.is_file() or file.stat().st_size > LARGEST:
        raise UserError(f"{folder} holds no learned part: it has no {RECORD}.")
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        texts = [found[key] for key in ("task", "tier", "part", "role")]
        good = all(isinstance(each, str) and len(each) <= LONGEST for each in texts)
        plain = all(isinstance(v, bool | int | float | str) for v in found["settings"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        good = plain = False
    if not (good and plain):
        raise UserError(f"{file} does not say what the part is.")
    return dict(found)
