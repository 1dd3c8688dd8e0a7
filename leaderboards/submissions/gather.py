"""From finished runs to a bundle: the rows of one agent, and what makes them again."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from leapbench.contract.declaration import Declaration
from leapbench.errors import UserError
from leapbench.leaderboards.submissions.bundle import keys
from leapbench.leaderboards.submissions.bundle.keys import SigningKey
from leapbench.leaderboards.submissions.bundle.manifest import (
    FILE_NAME,
    BundledPart,
    Entrant,
    Kind,
    Manifest,
)
from leapbench.leaderboards.submissions.bundle.pack import described, pack
from leapbench.results import result
from leapbench.results.result import Result
from leapbench.running.cell import Cell
from leapbench.running.external import SB3, STORED
from leapbench.running.plan import plan


@dataclass(frozen=True)
class Rows:
    """What one agent has to show on one task and tier.

    Attributes:
        cell: one of its cells; all share task, tier, agent and settings.
        results: one a seed, by ascending seed; failed ones too.
        files: content of their files, in that order.
        left_out: a line for each file that is not of the current code or protocol.
    """

    cell: Cell
    results: tuple[Result, ...]
    files: tuple[bytes, ...]
    left_out: tuple[str, ...]


def gather(task: str, agent: str, tier: str, runs: Path, settings: Iterable[str] = ()) -> Rows:
    """Every finished seed of an agent under `runs`, the failed ones among them.

    Args:
        task: task name.
        agent: agent as given to `leapbench run`.
        tier: tier name.
        runs: folder given to `leapbench run --out`.
        settings: as given to `--set`.

    Raises:
        UserError: for an unknown name, or when nothing has run.
    """
    (cell,) = plan(task, tier, [agent], "0", tuple(settings), runs)
    record, protocol = cell.composition.record(), cell.protocol
    found: list[tuple[Result, bytes]] = []
    left_out = []
    for path in sorted(cell.path.parent.glob("seed-*.json")):
        data = path.read_bytes()
        row = result.parse(data, str(path))
        if row.protocol_hash != protocol.hash:
            left_out.append(f"{path}: made under protocol {row.protocol_hash}, not {protocol.hash}")
        elif row.agent != record or row.provenance.get("code") != cell.code:
            left_out.append(f"{path}: made by other code than is here now")
        else:
            found.append((row, data))
    if not found:
        reason = f"; {left_out[0]}" if left_out else ""
        raise UserError(
            f"There is nothing to submit in {cell.path.parent}{reason}.",
            f"First: leapbench run {task} {agent} --tier {tier} --seeds 0-4",
        )
    found.sort(key=lambda pair: pair[0].seed)
    rows, files = zip(*found, strict=True)
    seeds = [row.seed for row in rows]
    if seeds != list(range(len(seeds))):
        raise UserError(
            f"The seeds here are {seeds[:20]}; a submission has all from 0 on, failed ones too.",
            f"First: leapbench run {task} {agent} --tier {tier} --seeds 0-{max(seeds)}",
        )
    return Rows(cell, rows, files, tuple(left_out))


def bundle(rows: Rows, entrant: Entrant, key: SigningKey | None, numbers: bool = False) -> bytes:
    """Pack rows with everything that a verifier needs to make them again.

    Args:
        rows: what `gather` found.
        entrant: who submits.
        key: signs the manifest; None for no signature.
        numbers: pack the results alone; such rows stay self-reported.

    Raises:
        UserError: when a part cannot travel, with what to do instead.
    """
    first = rows.results[0]
    files = {
        f"results/seed-{row.seed}.json": data
        for row, data in zip(rows.results, rows.files, strict=True)
    }
    paths, parts = tuple(files), []
    for part in first.agent.parts:
        declared = rows.cell.composition.parts[part.role]
        kind, entry, source = ("numbers", "", None) if numbers else travel(declared)
        name = f"{'code' if kind == 'code' else 'model'}/{source.name}" if source else ""
        if source:
            _check_name(source)
            files[name] = source.read_bytes()
        parts.append(BundledPart(**part.model_dump(), kind=kind, entry=entry, file=name))
    manifest = Manifest(
        task=first.task,
        tier=first.tier,
        protocol_hash=first.protocol_hash,
        agent=first.agent.name,
        parts=tuple(parts),
        entrant=entrant,
        results=paths,
        files=described(files),
    )
    return pack(manifest, files, key)


def travel(declared: Declaration) -> tuple[Kind, str, Path | None]:
    """How a part travels: its kind, its entry in the manifest, and its file.

    Raises:
        UserError: for a part that holds a pickle.
    """
    place, _, name = declared.entry.rpartition(":")
    if place.endswith(".py"):
        return "code", name, Path(place)
    if place == SB3:
        raise UserError(
            f"{declared.name} is a Stable-Baselines3 file, and those hold pickles.",
            "Submit a policy in one Python file that reads its weights, see docs/leaderboards.md.",
        )
    if place == f"{STORED}.weights":
        return "weights", str(declared.config["network"]), Path(declared.file)
    if place == f"{STORED}.graph":
        return "graph", "", Path(declared.file)
    return "registered", "", None


def _check_name(source: Path) -> None:
    """Refuse what is no file name everywhere; the hash of the code includes the name."""
    if not re.fullmatch(FILE_NAME, source.name):
        raise UserError(
            f"{source.name!r} cannot travel: the name must be of ASCII letters, digits, . _ + -.",
            "Rename the file and run it again.",
        )


def entrant(name: str, url: str, notes: str) -> Entrant:
    """Who submits, validated.

    Raises:
        UserError: naming the first field that is wrong.
    """
    try:
        return Entrant(name=name, url=url, notes=notes)
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"--{first['loc'][0]}: {first['msg']}.") from None


def signer(path: Path | None, unsigned: bool) -> SigningKey | None:
    """The key to sign with: the one named, else the user's own if there is one."""
    if unsigned:
        return None
    if path is None and not keys.default_path().exists():
        return None
    return keys.load_private(path or keys.default_path())
