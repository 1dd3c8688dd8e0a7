"""`leapbench host`: a board's folder as a small web server."""

from __future__ import annotations

from pathlib import Path

import click

from leapbench.cli.group import Command


@click.command(
    cls=Command,
    short_help="Serve a board: take bundles, hand them out, show the site.",
    sections={
        "Examples": (
            "leapbench host board --create",
            "leapbench site --board board --out site && leapbench host board --site site",
            "leapbench host board --bind 0.0.0.0 --port 80 --signed",
            "leapbench host board --index postgresql+psycopg://ada@localhost/leapbench",
        ),
    },
)
@click.argument("board", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--site",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of a built site, shown at /.",
)
@click.option("--create", is_flag=True, help="Make BOARD, if it is not there.")
@click.option(
    "--index",
    default="",
    metavar="URL",
    help="Keep the index there from now on: postgresql+psycopg://USER@HOST:PORT/DATABASE.  "
    "[default: where it is, at first a file in BOARD]",
)
@click.option("--bind", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@click.option("--signed", is_flag=True, help="Refuse bundles that are not signed.")
@click.option(
    "--hourly", type=click.IntRange(min=1), default=60, show_default=True, help="Per address."
)
@click.option(
    "--proxy", is_flag=True, help="Trust the forwarding headers of a proxy on this machine."
)
def command(
    board: Path,
    site: Path | None,
    create: bool,
    index: str,
    bind: str,
    port: int,
    signed: bool,
    hourly: int,
    proxy: bool,
) -> None:
    """Serve BOARD over HTTP until Ctrl-C.

    Bundles are read, checked and filed; nothing of theirs is run here. Run
    `leapbench verify BOARD` beside it, where a stranger's code may run.
    """
    from leapbench.errors import UserError

    try:
        import uvicorn

        from leapbench.leaderboards.submissions.host.app import application
        from leapbench.leaderboards.submissions.store import is_store
    except ModuleNotFoundError as error:
        if error.name not in ("uvicorn", "starlette"):
            raise
        raise UserError(
            "Hosting needs two more packages.", 'pip install "leapbench[host]"'
        ) from None
    if not (create or is_store(board)):
        raise UserError(f"There is no board in {board}.", "--create makes one.")
    made = application(board, site, signed, hourly, index)
    uvicorn.run(
        made,
        host=bind,
        port=port,
        log_level="info",
        proxy_headers=proxy,
        http="h11",
        h11_max_incomplete_event_size=2**14,
        limit_concurrency=64,
        timeout_keep_alive=5,
    )
