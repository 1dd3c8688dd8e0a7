"""What a task says of itself besides its protocols: description, published rows, claims."""

from __future__ import annotations

from leapbench.contract.frozen import Frozen


class Claim(Frozen):
    """A paper's headline: `agent` beats `over` on the task's metric.

    Attributes:
        name: short name, unique in the family.
        agent: the agent that should win.
        over: the agent that should lose.
        metric: another metric of the results, of which `agent` should have more; empty
            for the task's own.
        effect: published difference, in `unit`; None where none was published.
        unit: unit of `effect`.
        source: where the effect was published.
    """

    name: str
    agent: str
    over: str
    metric: str = ""
    effect: float | None = None
    unit: str = ""
    source: str = ""


class Published(Frozen):
    """A row that others published; shown on the card, never ranked."""

    label: str
    value: str
    source: str


class Card(Frozen):
    """What `leapbench show` prints besides the protocol.

    Attributes:
        title: a few words.
        summary: a sentence or two.
        paper: first source of the family.
        scarce: what there is little of.
        baselines: agents to run first.
        published: rows of others.
        notes: one line each.
        episode: id of the world that stands for the family in pictures, one in which
            the default policy learns in seconds; empty for the task with the least to learn.
        track: what the agents are, such as "systems", where they are of another kind than
            on the family's other tasks; such a task has no part in averages over tasks.
        family: title that the family's own file gives; the registry fills it in.
    """

    title: str
    summary: str
    paper: str
    scarce: str
    baselines: tuple[str, ...] = ()
    published: tuple[Published, ...] = ()
    notes: tuple[str, ...] = ()
    episode: str = ""
    track: str = ""
    family: str = ""
