"""Where the rows of a board come from: the package, one's own runs, submissions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Protocol

from leapbench.errors import UserError
from leapbench.leaderboards.submissions.bundle.manifest import Entrant
from leapbench.leaderboards.submissions.bundle.manifest import identity as who
from leapbench.leaderboards.verdict import Badge, Ledger, Verdict
from leapbench.results import packed
from leapbench.results.result import Result

COMMITTED = "leapbench.leaderboards"
Origin = Literal["committed", "yours", "submitted"]
ORIGINS: tuple[Origin, ...] = ("committed", "yours", "submitted")


class SubmissionView(Protocol):
    """One submission to one task and tier, as the store of submissions gives it."""

    @property
    def id(self) -> str:
        """SHA-256 of the bundle, 64 hexadecimal digits."""

    @property
    def entrant(self) -> Entrant:
        """Who submitted it, in their own words."""

    @property
    def results(self) -> tuple[Result, ...]:
        """One a seed."""

    @property
    def attempts(self) -> int:
        """How many times this entrant has submitted this agent to this task and tier."""

    @property
    def received(self) -> str:
        """When it came, ISO 8601 in UTC."""

    @property
    def signed_by(self) -> str:
        """Fingerprint of the key; empty for an unsigned one."""


class Submissions(Protocol):
    """A board folder."""

    def submissions(self, task: str, tier: str) -> Sequence[SubmissionView]:
        """Everything that was submitted to one task and tier."""

    @property
    def ledger(self) -> Ledger:
        """What was verified about it."""


@dataclass(frozen=True)
class BoardEntry:
    """One result and where it came from.

    Attributes:
        result: the result.
        path: its file; None for one that came in a submission.
        origin: whose it is.
        submission: what it came in; None for the others.
        badge: what was verified about it.
    """

    result: Result
    path: Path | None
    origin: Origin
    submission: SubmissionView | None = None
    badge: Badge = "self-reported"


class Badges:
    """What was verified, read once for all boards.

    A submission is judged by the verdicts about its own bundle. Otherwise a stranger
    could have somebody's row refused by submitting a broken copy of it.

    Args:
        ledgers: folders of verdicts.

    Attributes:
        problems: a line for each file that was no verdict.
    """

    def __init__(self, ledgers: Iterable[Ledger]) -> None:
        known = list(ledgers)
        found = sorted((v for ledger in known for v in ledger.verdicts()), key=lambda v: v.date)
        self.problems = [line for ledger in known for line in ledger.problems]
        self._verdicts: dict[str, list[Verdict]] = {}
        for verdict in found:
            self._verdicts.setdefault(verdict.subject, []).append(verdict)
        self._badges: dict[str, dict[str, Badge]] = {}

    def of(self, result: Result, submission: SubmissionView | None = None) -> Badge:
        """Badge of one result; a bundle whose last verdict is bad is refused as a whole."""
        subject = submission.id if submission else ""
        about = self._verdicts.get(subject, [])
        if submission and about and not about[-1].passed:
            return "refused"
        if subject not in self._badges:
            self._badges[subject] = _Held(about).badges
        return self._badges[subject].get(result.run_id, "self-reported")

    def measured(self, result: Result, submission: SubmissionView | None) -> Result:
        """A submitted result with the numbers of its last re-run, as far as there was one."""
        about = self._verdicts.get(submission.id, []) if submission else []
        rows = (row for verdict in reversed(about) for row in verdict.rows)
        own = (r.measured for r in rows if r.run_id == result.run_id and r.measured)
        found = next(own, None)
        if found is None:
            return result
        timing = result.timing.model_copy(update={"cpu": found.cpu})
        numbers = {name: getattr(found, name) for name in type(found).model_fields if name != "cpu"}
        return result.model_copy(update=numbers | {"timing": timing})


class _Held(Ledger):
    """A ledger of verdicts that have been read."""

    def __init__(self, found: list[Verdict]) -> None:
        self._found = found

    def verdicts(self) -> list[Verdict]:
        """The verdicts, as they were given."""
        return self._found


def package() -> Path | None:
    """Folder of the package with the committed rows and verdicts."""
    spec = find_spec(COMMITTED)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    return Path(folders[0]) if folders else None


def committed_root() -> Path | None:
    """Folder of the rows that come with the package."""
    root = package()
    return root / "results" if root else None


def badges_of(store: Submissions | None = None) -> Badges:
    """Badges from the committed verdicts, and those of a board folder."""
    root = package()
    committed = [Ledger(root / "verdicts")] if root else []
    return Badges([*committed, *([store.ledger] if store else [])])


def entries(
    task: str, tier: str, roots: Mapping[Origin, Path | None], store: Submissions | None
) -> tuple[list[BoardEntry], list[str]]:
    """Everything there is about one task and tier, and a line for each unreadable file.

    Args:
        task: task name.
        tier: tier name.
        roots: folders of result files; one that is not there is empty.
        store: board folder, if any.
    """
    problems: list[str] = []
    found: list[BoardEntry] = []
    for origin, root in roots.items():
        for path in packed.paths(root / task / tier) if root else ():
            try:
                found += [BoardEntry(row, path, origin) for row in packed.read_all(path)]
            except UserError as error:
                problems.append(str(error))
    for submission in _latest(store.submissions(task, tier)) if store else ():
        found += [BoardEntry(each, None, "submitted", submission) for each in submission.results]
    return found, problems


def identity(submission: SubmissionView | None) -> str:
    """Who submitted: the key that signed, else the name; empty for no submission."""
    return who(submission.signed_by, submission.entrant) if submission else ""


def _latest(found: Sequence[SubmissionView]) -> list[SubmissionView]:
    """Of several submissions of one agent by one entrant the last: no picking of the best."""
    kept: dict[tuple[str, str], SubmissionView] = {}
    for each in sorted(found, key=lambda each: (each.received, each.id)):
        kept[identity(each), each.results[0].agent.identity] = each
    return list(kept.values())
