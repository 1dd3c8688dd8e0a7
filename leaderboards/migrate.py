"""Turns committed rows of schema 1, one file a seed, into packed rows of schema 2.

    python -m leapbench.leaderboards.migrate OLD NEW --protocols HASHES.json

OLD and NEW are folders with `results/` and `verdicts/`. Nothing is lost: the hashes of code
that parts had go to provenance as "code", verdicts follow their rows to the new run ids.
"""

from __future__ import annotations

import hashlib
import json
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leapbench.contract.task import canonical
from leapbench.errors import UserError, plainly
from leapbench.leaderboards.submissions.verify.verify import label
from leapbench.leaderboards.verdict import Ledger, Verdict
from leapbench.results import packed
from leapbench.results.result import Result

VOLATILE = ("run_id", "timing", "provenance")
RENAMED = {
    "activeview": {
        "view-fisher": "fisher-rf",
        "view-all": "all-views",
    },
    "urlb": {
        "random-pushes": "random",
        "random-actions": "random-tabular",
        "explore-tabular": "moss-tabular-max",
        "control-tabular": "moss-tabular-min",
    },
    "earlyexit": {"random-exit": "random"},
}


def renamed(family: str, name: str) -> str:
    """The name of an agent, or of several parts, as it is now."""
    known = RENAMED.get(family, {})
    each = (known.get(n, n.removeprefix("view-")) for n in name.split("+"))
    return "+".join(each)


def migrated(old: Mapping[str, Any], protocols: Mapping[str, str]) -> Result:
    """A row of schema 1 as one of schema 2.

    Args:
        old: content of its file.
        protocols: new hash of each protocol by the old one.

    Raises:
        ValueError: when it is not what its run id says, or has changed settings.
    """
    content = {key: value for key, value in old.items() if key not in VOLATILE}
    content["budget"] = [
        {k: v for k, v in spent.items() if k != "reused"} for spent in old["budget"]
    ]
    if hashlib.sha256(canonical(content).encode()).hexdigest()[:16] != old["run_id"]:
        raise ValueError("the run id does not match the content")
    family = old["task"].partition("/")[0]
    code = "+".join(part["source_hash"] for part in old["agent"]["parts"])
    parts = [
        {k: v for k, v in part.items() if k != "source_hash"}
        | {"name": renamed(family, part["name"]), "family": family}
        for part in old["agent"]["parts"]
    ]
    agent = dict(old["agent"]) | {"name": renamed(family, old["agent"]["name"]), "parts": parts}
    changes = {
        "schema_version": 2,
        "run_id": "",
        "protocol_hash": protocols[old["protocol_hash"]],
        "agent": agent,
        "provenance": dict(old["provenance"]) | {"code": code},
    }
    made = Result.model_validate(dict(old) | changes)
    return made.model_copy(update={"run_id": made.digest()})


def rows(old: Path, new: Path, protocols: Mapping[str, str]) -> dict[str, Result]:
    """Migrate all rows; each by its old run id."""
    groups: dict[tuple[str, str, str], list[Result]] = {}
    found: dict[str, Result] = {}
    for path in sorted(old.glob("*/*/*/*/seed-*.json")):
        content = json.loads(path.read_bytes())
        try:
            row = migrated(content, protocols)
        except (ValueError, KeyError) as error:
            raise UserError(f"{path} cannot be migrated: {error}.") from None
        found[content["run_id"]] = row
        groups.setdefault((row.task, row.tier, row.agent.folder), []).append(row)
    for (task, tier, folder), each in groups.items():
        packed.write(each, new / task / tier / f"{folder}.json")
    return found


def verdicts(old: Path, new: Path, found: Mapping[str, Result]) -> int:
    """Migrate all verdicts, whose rows are known by their old run ids."""
    ledger, count = Ledger(new), 0
    for verdict in Ledger(old).verdicts():
        changed = tuple(
            row.model_copy(
                update={"run_id": found[row.run_id].run_id, "cell": label(found[row.run_id])}
            )
            for row in verdict.rows
        )
        ledger.add(Verdict.model_validate(verdict.model_copy(update={"rows": changed})))
        count += 1
    return count


@plainly()
def main() -> None:
    """Migrate a folder of rows and verdicts."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--protocols", type=Path, required=True)
    asked = parser.parse_args()
    protocols = json.loads(asked.protocols.read_text())
    found = rows(asked.old / "results", asked.new / "results", protocols)
    count = verdicts(asked.old / "verdicts", asked.new / "verdicts", found)
    files = len(packed.below(asked.new / "results"))
    sys.stdout.write(f"{len(found)} rows in {files} files, {count} verdicts\n")


if __name__ == "__main__":
    main()
