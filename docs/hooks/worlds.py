"""Writes the gallery: every world of the registry with its spaces, and a picture of each kind."""

from __future__ import annotations

import inspect
import warnings
from collections import defaultdict
from importlib import import_module
from pathlib import Path

import gymnasium as gym
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

import leapbench  # registers the worlds
from leapbench.errors import UserError
from leapbench.running.watch import OURS, play, prepare, save

MARK = "<!-- worlds -->"
ROOT = Path(__file__).resolve().parents[2]
DRAWN = ROOT / "build" / "worlds"
STEPS = 12
Kind = tuple[str, list[str]]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Draw a picture of every kind of world; pictures are kept between builds."""
    DRAWN.mkdir(parents=True, exist_ok=True)
    for entry, ids in kinds():
        name = picture(entry, ids)
        if name:
            files.append(File.generated(config, f"worlds/{name}", abs_src_path=str(DRAWN / name)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put the worlds in the place of the mark."""
    if MARK not in markdown:
        return markdown
    parts, family = [], ""
    for entry, ids in kinds():
        if _family(entry) != family:
            family = _family(entry)
            parts.append(f"## {family}")
        parts.append(_section(entry, ids))
    return markdown.replace(MARK, "\n\n".join(parts))


def kinds() -> list[Kind]:
    """Entry point and ids of every kind of world, family by family."""
    found: dict[str, list[str]] = defaultdict(list)
    for name, spec in gym.registry.items():
        if name.startswith(OURS):
            found[str(spec.entry_point)].append(name)
    return sorted(found.items())


def picture(entry: str, ids: list[str]) -> str:
    """File name of a kind's picture, "" where the world cannot be made without arguments."""
    for world in ids:
        target = DRAWN / f"{world.removeprefix(OURS)}.png"
        if target.exists() or _drawn(world, target):
            return target.name
    return ""


def _drawn(world: str, target: Path) -> bool:
    """Draw a world after some random actions; False where it needs more than its id."""
    try:
        env, _ = prepare(world, None, 0)
    except (UserError, TypeError):
        return False
    try:
        frames, _ = play(env, None, 0, STEPS)
    finally:
        env.close()
    save(frames, target, fps=8)
    return True


def _section(entry: str, ids: list[str]) -> str:
    name = entry.rpartition(":")[2]
    shown = picture(entry, ids)
    image = f"![{shown[:-4]} after {STEPS} random steps](worlds/{shown})" if shown else ""
    head = ["| world | observation | action |", "|---|---|---|"]
    return "\n\n".join(
        part
        for part in (f"### {name}", _summary(entry), image, "\n".join(head + _rows(ids)))
        if part
    )


def _rows(ids: list[str]) -> list[str]:
    """A line for all ids of equal spaces."""
    alike: dict[tuple[str, str], list[str]] = defaultdict(list)
    for world in ids:
        alike[_spaces(world)].append(f"`{world}`")
    return [f"| {' '.join(names)} | {a} | {b} |" for (a, b), names in alike.items()]


def _spaces(world: str) -> tuple[str, str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            env = gym.make(world)
    except (UserError, TypeError, gym.error.Error):
        return "as its arguments say", "as its arguments say"
    try:
        return described(env.observation_space), described(env.action_space)
    finally:
        env.close()


def described(space: gym.Space) -> str:
    """A space in a table's cell: kind, shape, range and dtype."""
    if isinstance(space, gym.spaces.Dict):
        return "<br>".join(f"{key}: {described(each)}" for key, each in space.items())
    if isinstance(space, gym.spaces.Tuple):
        return "<br>".join(described(each) for each in space)
    if isinstance(space, gym.spaces.Box):
        low, high = float(space.low.min()), float(space.high.max())
        shape = " × ".join(str(each) for each in space.shape) or "scalar"
        return f"Box {shape}, {space.dtype}, {low:g} to {high:g}"
    if isinstance(space, gym.spaces.Discrete):
        return f"Discrete, {space.n}"
    if isinstance(space, gym.spaces.MultiBinary):
        return f"MultiBinary, {space.n}"
    if isinstance(space, gym.spaces.MultiDiscrete):
        return f"MultiDiscrete, {len(space.nvec.ravel())} entries of up to {space.nvec.max()}"
    raise PluginError(f"the gallery does not know the space {space}")


def _summary(entry: str) -> str:
    """First paragraph of the world's docstring."""
    module, _, name = entry.partition(":")
    text = inspect.getdoc(getattr(import_module(module), name)) or ""
    return text.partition("\n\n")[0]


def _family(entry: str) -> str:
    return entry.removeprefix(f"{leapbench.__name__}.envs.").partition(".")[0]
