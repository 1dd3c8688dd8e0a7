"""Verification of a bundle, of result files, and of a board, into verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from leapbench.contract.harness import Report, stage
from leapbench.leaderboards.submissions.bundle.manifest import BundledPart
from leapbench.leaderboards.submissions.bundle.read import Bundle, open_bundle
from leapbench.leaderboards.submissions.bundle.refusal import Refused
from leapbench.leaderboards.submissions.verify import follow
from leapbench.leaderboards.submissions.verify.again import Runner, Wanted
from leapbench.leaderboards.submissions.verify.parts import named
from leapbench.leaderboards.submissions.verify.rerun import excess
from leapbench.leaderboards.verdict import Check, Finding, Verdict
from leapbench.results.result import AgentRecord, Result

BETTER = ("reproduced", "audited")


@dataclass
class _Group:
    """Rows of one agent on one task and tier, and how its parts travel."""

    agent: AgentRecord
    parts: Sequence[BundledPart]
    rows: list[Result] = field(default_factory=list)
    bundle: Bundle | None = None


def verify_bundle(path: Path, wanted: Wanted, report: Report) -> Verdict:
    """Everything that a bundle can be asked; a bad one is a verdict too.

    Args:
        path: the file.
        wanted: how far to go.
        report: called with the fraction done in [0, 1] and a short line.

    Raises:
        UserError: when there is no such file.
    """
    try:
        bundle = open_bundle(path)
    except Refused as error:
        refused = Check(name=error.check, passed=False, detail=str(error))
        return _verdict((refused,), (), wanted, error.subject)
    rows = bundle.results()
    group = _Group(rows[0].agent, bundle.manifest.parts, rows, bundle)
    return _verify([group], bundle.checks, wanted, report, subject=bundle.id)


def verify_rows(rows: Iterable[Result], wanted: Wanted, report: Report) -> Verdict:
    """Rows without a bundle: registered parts are run again from the code that is here."""
    groups: dict[tuple[str, str, str], _Group] = {}
    for row in rows:
        key = (row.task, row.tier, row.agent.model_dump_json())
        groups.setdefault(key, _Group(row.agent, named(row))).rows.append(row)
    return _verify(list(groups.values()), (), wanted, report)


def _verify(
    groups: Sequence[_Group],
    before: Sequence[Check],
    wanted: Wanted,
    report: Report,
    subject: str = "",
) -> Verdict:
    examined = [[follow.examine(row, group.parts) for row in group.rows] for group in groups]
    checks = (*before, *(_check(name, groups, examined) for name in follow.NAMES))
    total = sum(len(group.rows) for group in groups)
    findings: list[Finding] = []
    isolation: dict[str, None] = {}
    with TemporaryDirectory(prefix="leapbench-verify-") as folder:
        for group, each in zip(groups, examined, strict=True):
            task = group.rows[0].task
            runner = Runner(Path(folder), task, group.agent, group.parts, group.bundle, wanted)
            own: list[Finding] = []
            for row, found in zip(group.rows, each, strict=True):
                staged = stage(report, len(findings + own), total, label(row))
                own.append(_finding(row, found, runner, staged))
                if own[-1].level is None:  # one is enough, and the rest is not waited for
                    runner.stop("another seed was refused")
            findings += _together(own)
            isolation |= dict.fromkeys(runner.isolation)
    return _verdict(checks, findings, wanted, subject, "; ".join(isolation))


def _check(
    name: str, groups: Sequence[_Group], examined: Sequence[Sequence[Mapping[str, str]]]
) -> Check:
    """One check over all rows, with the first thing that was wrong."""
    wrong = [
        f"{label(row)}: {found[name]}"
        for group, each in zip(groups, examined, strict=True)
        for row, found in zip(group.rows, each, strict=True)
        if found.get(name)
    ]
    more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    return Check(name=name, passed=not wrong, detail=wrong[0][:1900] + more if wrong else "")


def _finding(row: Result, found: Mapping[str, str], runner: Runner, report: Report) -> Finding:
    bad = next((f"{name}: {text}" for name, text in found.items() if text), "")
    if bad:
        return Finding(run_id=row.run_id, cell=label(row), level=None, reason=bad)
    return runner.finding(row, label(row), report)


def label(row: Result) -> str:
    """A row in words."""
    return f"{row.task} {row.tier} {row.agent.name} seed {row.seed}"


def _together(findings: list[Finding]) -> list[Finding]:
    """Findings about one agent; none is reproduced when its rows are too good on the whole."""
    reason = excess([f.difference for f in findings if f.exact is False and f.difference])
    if not reason:
        return findings
    changes = {"level": "checked", "reason": reason}
    return [f.model_copy(update=changes) if f.level in BETTER else f for f in findings]


def _verdict(
    checks: Sequence[Check],
    findings: Sequence[Finding],
    wanted: Wanted,
    subject: str = "",
    isolation: str = "",
) -> Verdict:
    made = Verdict.of(checks, rows=tuple(findings), subject=subject, isolation=isolation)
    audited = wanted.commitment if wanted.salt and made.ran else ""
    return made.model_copy(update={"commitment": audited})
