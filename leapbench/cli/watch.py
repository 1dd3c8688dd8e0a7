"""`leapbench watch`: an episode as a picture that moves, or as a still one."""

from __future__ import annotations

from pathlib import Path

import click

from leapbench.cli.group import Command


@click.command(
    cls=Command,
    short_help="Render an episode of an environment to a GIF or PNG.",
    sections={
        "Examples": (
            "leapbench watch leapbench/EarlyExit-Digits-v0",
            "leapbench watch leapbench/EarlyExit-Digits-v0 --agent confidence --steps 100",
            "leapbench watch leapbench/EarlyExit-Digits-v0 --out last.png",
        ),
    },
)
@click.argument("env_id", metavar="ENV-ID")
@click.option("--agent", help="Policy that acts; random actions when left out.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--steps", type=click.IntRange(min=1), default=200, show_default=True, help="At most."
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A .gif of all steps or a .png of the last; default: the id's name as GIF.",
)
def command(env_id: str, agent: str | None, seed: int, steps: int, out: Path | None) -> None:
    """Render an episode of ENV-ID."""
    from leapbench.cli.output import progress
    from leapbench.running.watch import check_target, play, prepare, save

    target = out or Path(f"{env_id.rpartition('/')[2]}.gif")
    check_target(target)
    with progress("learning" if agent else "drawing") as report:
        env, policy = prepare(env_id, agent, seed, report)
    try:
        frames, score = play(env, policy, seed, steps)
        save(frames, target, fps=float(env.metadata.get("render_fps") or 8))
    finally:
        env.close()
    click.echo(f"{target}: {len(frames)} frames, {agent or 'random actions'}, return {score:g}")
