"""Both databases that an index can be in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from leapbench.testing import postgres

# `forked` is importable from the folders below.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    if postgres.trouble():
        pytest.skip(f"no PostgreSQL: {postgres.trouble()}")
    with postgres.server() as address:
        yield address


@pytest.fixture(scope="session")
def postgres_database(postgres_server: str) -> str:
    return postgres.database(postgres_server)


@pytest.fixture
def postgres_address(postgres_database: str) -> str:
    """Address of an empty database."""
    postgres.empty(postgres_database)
    return postgres_database


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest) -> str:
    """Where the index of a board is: in its folder, and on a server."""
    return request.getfixturevalue("postgres_address") if request.param == "postgresql" else ""
