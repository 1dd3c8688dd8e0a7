"""Seed streams are fixed, disjoint, and do not depend on each other."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from leapbench.contract import registry, seeds

ROLES: tuple[seeds.Role, ...] = ("train", "dev", "test")
PUBLISHED = [158812276, 946469203, 694405319]
names = st.text(st.characters(codec="utf-8"), max_size=30)
paths = st.lists(st.integers(0, 2**32 - 1), max_size=3).map(tuple)


def drawn(protocol: str, role: seeds.Role, *path: int, salt: str = "") -> tuple[int, ...]:
    return tuple(seeds.stream(protocol, role, 20, *path, salt=salt))


@settings(max_examples=30)
@given(names, st.sampled_from(ROLES), paths)
def test_a_stream_is_a_function_of_its_name(
    protocol: str, role: seeds.Role, path: tuple[int, ...]
) -> None:
    first = drawn(protocol, role, *path)
    assert first == drawn(protocol, role, *path)
    assert first[:10] == tuple(seeds.stream(protocol, role, 10, *path))
    assert all(0 <= seed < 2**31 for seed in first)


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(names, st.sampled_from(ROLES), paths, names), min_size=2, max_size=6, unique=True
    )
)
def test_streams_of_different_names_are_different(
    keys: list[tuple[str, seeds.Role, tuple[int, ...], str]],
) -> None:
    streams = [drawn(protocol, role, *path, salt=salt) for protocol, role, path, salt in keys]
    assert len(set(streams)) == len(keys)


def test_registered_protocols_share_no_seed_across_roles_and_agents() -> None:
    protocols = [p.seed_key for task in registry.tasks().values() for p in task.protocols.values()]
    sets = [
        set(drawn(protocol, role, *path))
        for protocol, role, path in product(protocols, ROLES, ((), (0,), (1,), (0, 1)))
    ]
    # Of tens of thousands of seeds below 2**31 two may be equal by chance; streams are not.
    assert sum(len(a & b) for a, b in combinations(sets, 2)) <= 5
    assert all(len(a & b) <= 1 for a, b in combinations(sets, 2))


def test_a_salt_is_not_part_of_the_protocols_name() -> None:
    assert drawn("t/lite/v1", "test", salt="0") != drawn("t/lite/v10", "test")


def test_streams_stay_as_they_were_published() -> None:
    assert seeds.stream("earlyexit/digits/smoke/v1", "test", 3) == PUBLISHED
    assert isinstance(seeds.sequence("a", "dev", 1), np.random.SeedSequence)
