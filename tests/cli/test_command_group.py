"""Help, errors and lazy imports, the same for every command."""

from __future__ import annotations

import json
import subprocess
import sys

import click
import pytest

from leapbench.cli import COMMANDS, cli

HEAVY = ("numpy", "torch", "gymnasium", "pydantic", "rich", "leapbench.contract.registry")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example_of_itself(invoke, name):
    shown = invoke(name, "--help")
    assert shown.exit_code == 0
    assert "Example" in shown.output
    assert f"\n  leapbench {name}" in shown.output


@pytest.mark.parametrize("name", COMMANDS)
def test_summary_in_the_table_is_the_commands_own(name):
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.short_help == COMMANDS[name]


def test_help_imports_nothing_heavy():
    code = (
        "import sys, json; from leapbench.cli import cli;"
        "cli.main(['--help'], standalone_mode=False);"
        f"print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == []
    assert all(f"  {name} " in done.stdout for name in COMMANDS)


def test_a_mistyped_command_gets_the_nearest_one(invoke):
    done = invoke("lst", "tasks")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "error: There is no command 'lst'. Did you mean 'list'?\n"


def test_version_is_the_packages(invoke):
    from importlib.metadata import version

    assert version("leapbench") in invoke("--version").output


def test_module_runs_the_command():
    words = [sys.executable, "-m", "leapbench", "show", "earlyexit/digts"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "'earlyexit/digits'" in done.stderr


def test_a_broken_plug_in_costs_one_line(toys, plugin, tmp_path, monkeypatch):
    from leapbench.contract import registry

    folder = tmp_path / "odd" / "cards" / "broken"
    folder.mkdir(parents=True)
    (folder / "agent.toml").write_text("[bad]\nrole = 'policy'\n")
    roots = [*registry._roots("leapbench.agents"), ("odd", folder.parents[1])]
    monkeypatch.setattr(registry, "_roots", lambda group: iter(roots))
    registry.agents.cache_clear()
    done = toys("list", "agents")
    registry.agents.cache_clear()
    assert done.exit_code == 0
    assert "toy-mean" in done.stdout
    assert done.stderr.startswith("warning: ")
    assert "agent.toml is left out" in done.stderr
    assert done.stderr.count("\n") == 1
