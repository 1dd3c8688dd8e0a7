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


class About(Frozen):
    """What a family's own file says of the family, whatever its tasks say of themselves.

    Attributes:
        title: a few words.
        summary: a sentence or two.
        scarce: what there is little of.
        episode: as in `Card`.
    """

    title: str = ""
    summary: str = ""
    scarce: str = ""
    episode: str = ""


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
        data: data set that others collected and that the task runs on, of all tiers or by
            tier; empty for none.
        simulator: simulator that others made and in which it runs; empty for none.
        track: what the agents are, such as "systems", where they are of another kind than
            on the family's other tasks; such a task has no part in averages over tasks.
        meanings: what metrics measure, by their names, in a few words with the unit.
        family: what the family's own file says; the registry fills it in.
    """

    title: str
    summary: str
    paper: str
    scarce: str
    baselines: tuple[str, ...] = ()
    published: tuple[Published, ...] = ()
    notes: tuple[str, ...] = ()
    episode: str = ""
    data: str | dict[str, str] = ""
    simulator: str = ""
    track: str = ""
    meanings: dict[str, str] = {}
    family: About = About()

    def data_of(self, tier: str) -> str:
        """The data set of a tier; empty for none."""
        return self.data if isinstance(self.data, str) else self.data.get(tier, "")
