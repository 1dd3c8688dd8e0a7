"""A PostgreSQL server for as long as a test or a benchmark takes."""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

DEBIAN = Path("/usr/lib/postgresql")
"""Where Debian keeps the programs, a folder a release, out of the path."""
USER = "leapbench"
OTHER = "nobody"
"""Whom the server runs as where the caller is root, which it refuses."""
STARTS = 30.0
"""Seconds in which it has to answer."""


def trouble() -> str:
    """Why there can be no server here; empty where there can."""
    missing = [name for name in ("initdb", "postgres") if not _program(name)]
    if missing:
        return f"no {' and no '.join(missing)} (apt install postgresql)"
    if importlib.util.find_spec("psycopg") is None:
        return 'no psycopg (pip install "leapbench[host]")'
    return ""


@contextmanager
def server(durable: bool = False) -> Iterator[str]:
    """Start a server on a free port of this machine, and end it.

    Args:
        durable: have it wait for the disk, as servers do; tests need not.

    Yields:
        its address; `database` makes a database there.
    """
    folder = Path(tempfile.mkdtemp(prefix="leapbench-postgres-"))
    rights: dict[str, Any] = {"cwd": folder, "stdout": subprocess.DEVNULL}
    if os.getuid() == 0:
        found = pwd.getpwnam(OTHER)
        os.chown(folder, found.pw_uid, found.pw_gid)
        rights |= {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    port, process = _free(), None
    try:
        words = ["-D", "data", "-U", USER, "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C"]
        subprocess.run([_program("initdb"), *words], check=True, **rights)  # noqa: S603
        words = ["-D", "data", "-p", str(port), "-h", "127.0.0.1", "-k", str(folder)]
        words += [] if durable else ["-c", "fsync=off"]
        with (folder / "log").open("w") as log:
            process = subprocess.Popen([_program("postgres"), *words], stderr=log, **rights)  # noqa: S603
        address = f"postgresql+psycopg://{USER}@127.0.0.1:{port}"
        _wait(address, process, folder / "log")
        yield address
    finally:
        if process is not None:
            process.send_signal(signal.SIGQUIT)  # at once: nothing is kept
            process.wait(STARTS)
        shutil.rmtree(folder, ignore_errors=True)


def database(address: str) -> str:
    """Make an empty database on a server; its address."""
    name = f"board_{secrets.token_hex(6)}"
    with _connected(f"{address}/postgres") as db:
        db.exec_driver_sql(f"CREATE DATABASE {name}")
    return f"{address}/{name}"


def empty(address: str) -> None:
    """Take everything out of a database, which is faster than to make another."""
    with _connected(address) as db:
        db.exec_driver_sql("DROP SCHEMA public CASCADE")
        db.exec_driver_sql("CREATE SCHEMA public")


@contextmanager
def _connected(address: str) -> Iterator[sa.Connection]:
    engine = sa.create_engine(address, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
    with engine.connect() as db:
        yield db


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the server answers.

    Raises:
        RuntimeError: when it does not, with what it said.
    """
    until = time.monotonic() + STARTS
    while process.poll() is None and time.monotonic() < until:
        try:
            with _connected(f"{address}/postgres"):
                return
        except sa.exc.OperationalError:
            time.sleep(0.05)
    raise RuntimeError(f"postgres did not start: {log.read_text()[-1000:]}")


def _program(name: str) -> str:
    """Path of a program; empty when it is not there."""
    folders = sorted(DEBIAN.glob("*/bin"), reverse=True)
    return shutil.which(name) or next((w for f in folders if (w := shutil.which(name, path=f))), "")


def _free() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
