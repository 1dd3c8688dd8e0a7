"""`lb.load` and `lb.push`: what agents learned, taken along."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from leapbench.api.run import Agent, seeds_text, swept, typed
from leapbench.contract import registry
from leapbench.errors import UserError
from leapbench.running import live, parts
from leapbench.running.composition import built, compose
from leapbench.running.plan import plan

HUB = "hf:"
FILES = ("*.safetensors", "*.npz", "*.json", parts.CARD)
"""What is fetched from a hub: nothing that could run."""


def load(
    task: str | Path,
    agent: Agent | None = None,
    seed: int = 0,
    *,
    tier: str = "smoke",
    role: str | None = None,
    settings: Mapping[str, Any] | Sequence[str] = (),
    device: str = "auto",
    out: str | Path = "runs",
    progress: bool = True,
) -> Any:
    """The learned part of a run, or of a folder.

    Where the run did not keep it, it is learned again, which gives the same.

    Args:
        task: task name, together with `agent`; else the folder of a part, or "hf:owner/name"
            for one on a hub. Such a part is built by the suite's own class of that name.
        agent: as for `run`.
        seed: of the run.
        tier: "smoke", "lite" or "paper".
        role: "model", "policy" or "agent", or the name of a phase where phases form a
            tree; else what acts.
        settings: as for `run`.
        device: where it learns, if it must.
        out: folder of the results.
        progress: whether to show how that goes on.

    Returns:
        A part of the suite: what acts has `predict(observation, state, episode_start,
        deterministic)` on batches (B, *observation shape), a model has its `network`.

    Raises:
        UserError: for what `run` refuses, a run that failed, or a folder without a part.
    """
    if agent is None:
        return from_folder(fetched(str(task)))
    name = live.named(agent)
    cells = plan(
        str(task), tier, [name], seeds_text(seed), typed(settings), Path(out), device=device
    )
    cell = type(cells[0])(**vars(cells[0]) | {"keep": True})
    (found,) = swept([cell], 1, progress)
    if found.status != "ok":
        raise UserError(f"{name} seed {seed} did not end well: {found.message}")
    slots = sorted(each.parent.name for each in cell.kept.glob(f"*/{parts.RECORD}"))
    chosen = role or next((s for s in ("policy", "agent", "model") if s in slots), slots[-1])
    if chosen not in slots:
        raise UserError(f"{name} has no part {chosen!r}.", f"It has: {', '.join(slots)}.")
    composition, folder = cell.composition, cell.kept / chosen
    made: Any = composition.build(str(parts.described(folder)["role"]), chosen)
    made.load(folder)
    return made


def fetched(where: str) -> Path:
    """A folder that is named, or one from a hub.

    Raises:
        UserError: when it is not there, its hub cannot be reached, or huggingface_hub
            is not installed.
    """
    if not where.startswith(HUB):
        if not Path(where).is_dir():
            raise UserError(
                f"There is no folder {where!r}.", "Expected a folder, or a task and an agent."
            )
        return Path(where)
    hub = _hub()
    with reached(where):
        return Path(hub.snapshot_download(where.removeprefix(HUB), allow_patterns=list(FILES)))


def from_folder(folder: Path) -> Any:
    """The part that lies in a folder, of the suite's own class; its code is not asked for.

    Raises:
        UserError: when it holds none, or one of a name or setting that there is not.
    """
    record: Any = parts.described(folder)
    task = registry.task(record["task"])
    registry.agent(record["part"], task.family)
    settings = [f"{record['part']}.{pair}" for pair in typed(record["settings"])]
    agent = compose(task, record["part"], settings)
    part = agent.parts.get(record["role"])
    if part is None or part.name != record["part"]:
        raise UserError(f"{folder}: {record['part']!r} is no {record['role']}.")
    made: Any = built(part, agent.config[record["role"]])
    made.load(folder)
    return made


def push(folder: str | Path, where: str | Path) -> str:
    """Put a part on a hub, or into another folder, from where `load` takes it.

    Args:
        folder: of the part, such as `load` and `leapbench run --keep` write.
        where: "hf:owner/name", a repository that is made if it is not there; or a folder,
            new or of a part that is replaced.

    Returns:
        The address that the hub gave, or the folder.

    Raises:
        UserError: when the folder holds no part, the other holds something else, or
            huggingface_hub is not installed.
    """
    parts.described(Path(folder))
    if not str(where).startswith(HUB):
        return str(copied(Path(folder), Path(where)))
    hub, repository = _hub(), str(where).removeprefix(HUB)
    about = {"repo_id": repository, "folder_path": str(folder), "allow_patterns": list(FILES)}
    with reached(str(where)):
        hub.create_repo(repository, exist_ok=True)
        return str(hub.upload_folder(**about))


@contextmanager
def reached(where: str) -> Iterator[None]:
    """Turn what a hub answers into one line.

    Raises:
        UserError: where it cannot be reached, or refuses.
    """
    try:
        yield
    except Exception as error:  # the hub's, its client's and the network's, each of its own kind
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{where} cannot be reached: {reason}") from error


def copied(folder: Path, target: Path) -> Path:
    """Copy the files of a part; those of a part that is there already are replaced.

    Raises:
        UserError: when the target holds something else.
    """
    there = target.exists()
    if there and (not target.is_dir() or any(target.iterdir())):
        try:
            parts.described(target)
        except UserError:
            raise UserError(
                f"{target} holds something else.",
                f'Expected a new folder, one of a part, or "{HUB}owner/name" for a hub.',
            ) from None
    target.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        for old in target.glob(name):
            old.unlink()
        for file in folder.glob(name):
            shutil.copyfile(file, target / file.name)
    return target


def _hub() -> Any:
    try:
        import huggingface_hub
    except ModuleNotFoundError:
        raise UserError("A hub needs huggingface_hub.", 'pip install "leapbench[hub]"') from None
    return huggingface_hub
