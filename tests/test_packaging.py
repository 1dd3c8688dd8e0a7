"""What is built and installed: every data file, no stray top-level package, sound pins."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections import deque
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("leapbench", "envs", "tasks", "agents", "leaderboards")
BUILT = ("pyproject.toml", "setup.py", "README.md", "LICENSE")


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def constraints() -> dict[str, str]:
    """Pinned version of each distribution in constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pins}


def direct() -> list[Requirement]:
    """Requirements of the package and of its extras."""
    extras = project()["optional-dependencies"]
    texts = [text for name, own in extras.items() if name != "all" for text in own]
    return [Requirement(text) for text in [*project()["dependencies"], *texts]]


@pytest.mark.parametrize("requirement", direct(), ids=lambda r: r.name)
def test_lock_satisfies_every_declared_bound(requirement: Requirement) -> None:
    assert requirement.specifier.contains(constraints()[canonicalize_name(requirement.name)])


def test_every_declared_bound_has_both_ends() -> None:
    for requirement in direct():
        operators = {specifier.operator for specifier in requirement.specifier}
        assert operators == {">=", "<"}, requirement


def test_all_is_every_extra_but_the_tools() -> None:
    extras = project()["optional-dependencies"]
    (everything,) = [Requirement(text) for text in extras["all"]]
    assert everything.extras == set(extras) - {"all", "dev", "docs"}


def pulled_in(name: str, pin: str) -> list[Requirement]:
    """What a distribution needs here; nothing when another release than the pin is installed."""
    try:
        if Version(version(name)).public != pin:
            return []
        needed = [Requirement(text) for text in requires(name) or ()]
    except PackageNotFoundError:  # of another platform, or of an extra that is not installed
        return []
    return [r for r in needed if r.marker is None or r.marker.evaluate({"extra": ""})]


def test_lock_covers_what_the_dependencies_pull_in() -> None:
    pins, todo, seen = constraints(), deque(direct()), set()
    while todo:
        requirement = todo.popleft()
        name = canonicalize_name(requirement.name)
        if name in seen:
            continue
        seen.add(name)
        assert name in pins, f"{requirement} is not pinned"
        todo += pulled_in(name, pins[name])


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Names of the files in a wheel built from a copy of the sources."""
    if Version(version("setuptools")) < Version("77"):
        pytest.skip("building the wheel needs setuptools 77")
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for part in PARTS:
        shutil.copytree(
            ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
    for name in BUILT:
        shutil.copy(ROOT / name, source / name)
    build = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run(
        [sys.executable, *build, "--wheel-dir", str(out), str(source)],
        check=True,
        capture_output=True,
    )
    (built,) = out.glob("leapbench-*.whl")
    with zipfile.ZipFile(built) as archive:
        return archive.namelist()


def test_ci_skips_no_test_for_want_of_a_package() -> None:
    if not os.environ.get("LEAPBENCH_ALL_EXTRAS"):
        pytest.skip("set by .ci/run")
    names = {requirement.name for requirement in direct()}
    assert {name for name in names if not found(name)} == set()


def found(name: str) -> str:
    """Release of a distribution that is installed, "" where it is not."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def test_wheel_installs_one_package(wheel: list[str]) -> None:
    tops = {name.partition("/")[0] for name in wheel}
    assert len(tops) == 2
    assert "leapbench" in tops
    assert tops - {"leapbench"} == {f"leapbench-{project()['version']}.dist-info"}


def expected() -> set[str]:
    """Every source and data file, under the name that it installs as."""
    found = set()
    for part in PARTS:
        for path in (ROOT / part).rglob("*"):
            if path.suffix in {".py", ".toml", ".npz", ".json", ".typed"}:
                prefix = "" if part == "leapbench" else "leapbench/"
                found.add(prefix + path.relative_to(ROOT).as_posix())
    return {name for name in found if "__pycache__" not in name}


def test_wheel_holds_every_source_and_data_file(wheel: list[str]) -> None:
    assert expected() - set(wheel) == set()


def test_readme_commands_exist_in_the_makefile() -> None:
    targets = {
        line.partition(":")[0]
        for line in (ROOT / "Makefile").read_text().splitlines()
        if line and not line[0].isspace() and ":" in line
    }
    assert {"demo", "test", "lock"} <= targets
