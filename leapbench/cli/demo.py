"""`leapbench demo`: three families in two minutes, and a page to open."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from leapbench.cli.group import Command

if TYPE_CHECKING:
    from leapbench.leaderboards.board import Board
    from leapbench.leaderboards.render.table import Table

SHOWN = (
    (
        "urlb/entropy-grid",
        ("moss-tabular", "moss-tabular-min"),
        6,
        "Agents explore a grid without rewards, then get few. MOSS mixes seeking surprise with "
        "avoiding it; its control only avoids it.",
    ),
    (
        "sparsify/scenes",
        ("disparse", "snip", "dense"),
        3,
        "One network serves three tasks and nine in ten of its weights must go. Whose weights?",
    ),
    (
        "earlyexit/digits",
        ("msdnet+confidence", "msdnet+fixed-exit-last"),
        1,
        "A network may answer early; multiply-adds of a whole stream are limited. When to stop?",
    ),
)
"""Task, agents, seeds, and why it is shown."""
FILM = "leapbench/EarlyExit-Digits-v0"
FRAMES = 200
"""At most; a stream of 40 digits is over before."""
CLAIM = "mixture-over-control"


@click.command(
    cls=Command,
    short_help="Run three families in two minutes, and write a page to open.",
    sections={"Examples": ("leapbench demo", "leapbench demo --out first-look")},
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default="runs/demo",
    show_default=True,
    help="Folder of the results and the page.",
)
def command(out: Path) -> None:
    """Run three families in two minutes, judge a claim, and write a page to open.

    Nothing is downloaded. What is finished is not run again.
    """
    import leapbench as lb

    steps = len(SHOWN) + 2
    out.mkdir(parents=True, exist_ok=True)
    pages: list[tuple[str, str, Table]] = []
    for i, (task, agents, seeds, why) in enumerate(SHOWN):
        _step(i + 1, steps, task, why)
        lb.run(task, list(agents), seeds=range(seeds), jobs=2 if seeds > 1 else 1, out=out)
        pages.append((task, why, _ranked(task, out)))
    _step(steps - 1, steps, "a claim", "What the paper says, judged by the rows just made.")
    verdict = _judged(SHOWN[0][0], out)
    _say(verdict)
    _step(
        steps,
        steps,
        "a world",
        "A network answers early where it is sure: a film of a whole stream.",
    )
    _film(out / "world.gif")
    page = _written(out, pages, verdict)
    click.echo(f"\nOpen {page.resolve()}")
    click.echo(f"Next: {_typed()} list")


def _typed() -> str:
    """What to type for this command: its path where the shell would not find it."""
    own = Path(sys.argv[0]).absolute()
    found = shutil.which("leapbench")
    if not own.name.startswith("leapbench") or (found and Path(found).samefile(own)):
        return "leapbench"
    here = Path.cwd()
    return str(own.relative_to(here) if own.is_relative_to(here) else own)


def _step(number: int, count: int, title: str, why: str) -> None:
    click.secho(f"\n{number}/{count}  {title}", bold=True)
    _say(why)


def _say(text: str) -> None:
    from leapbench.cli.output import filled

    click.echo(filled(text, "  "))


def _ranked(task: str, out: Path) -> Table:
    """The board of the rows in `out`, which is shown here too."""
    from leapbench.leaderboards import tables
    from leapbench.leaderboards.render import terminal

    table = tables.board_table(_own(task, out))
    click.echo(terminal.render(table, min(100, shutil.get_terminal_size().columns)))
    return table


def _own(task: str, out: Path) -> Board:
    """The board of the rows in `out` alone."""
    from leapbench.contract import registry
    from leapbench.leaderboards.board import assemble
    from leapbench.leaderboards.sources import entries

    found, _ = entries(task, "smoke", {"yours": out}, None)
    return assemble(registry.task(task).protocols["smoke"], found)


def _judged(task: str, out: Path) -> str:
    """The claim's verdict by one's own rows, in a sentence."""
    from leapbench.contract import registry
    from leapbench.leaderboards.claims import findings

    (found,) = (
        each for each in findings(registry.task(task), _own(task, out)) if each.claim.name == CLAIM
    )
    effect = found.effect
    if effect is None:
        return f"{found.subject}: {found.verdict}. {found.reason}"
    half = (effect.high - effect.low) / 2
    return (
        f"{found.subject}: {effect.value:+.3f} ± {half:.3f} ({found.claim.unit}), {found.verdict} "
        f"by {len(found.seeds)} seeds of yours."
    )


def _film(target: Path) -> None:
    """An episode as a moving picture."""
    from leapbench.cli.output import progress
    from leapbench.running.watch import play, prepare, save

    with progress("drawing") as report:
        env, policy = prepare(FILM, "confidence", 0, report)
        try:
            frames, _ = play(env, policy, 0, FRAMES)
            save(frames, target, fps=6.0)
        finally:
            env.close()


def _written(out: Path, boards: list[tuple[str, str, Table]], verdict: str) -> Path:
    """The page that holds all of it."""
    from leapbench.leaderboards.render.html import page

    target = out / "index.html"
    text = page("demo", boards=boards, verdict=verdict, film="world.gif", world=FILM)
    target.write_text(text, encoding="utf-8")
    return target
