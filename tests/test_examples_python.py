"""The notebook, the plain loop and the study, as a user runs them but smaller."""

from __future__ import annotations

import json
import linecache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import leapbench as lb
from leapbench.contract import registry
from leapbench.testing import shrink, standing_in

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def loaded(name: str) -> ModuleType:
    spec = spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    example = module_from_spec(spec)
    spec.loader.exec_module(example)
    return example


def executed(notebook: Path) -> tuple[dict[str, Any], list[Any]]:
    """Run the cells as a kernel does: texts where IPython keeps them, last values shown."""
    import ast

    names: dict[str, Any] = {"__name__": "__main__"}
    shown = []
    for i, cell in enumerate(json.loads(notebook.read_text())["cells"]):
        if cell["cell_type"] != "code":
            continue
        text, file = "".join(cell["source"]), f"<cell {i}>"
        linecache.cache[file] = (len(text), None, text.splitlines(True), file)
        tree = ast.parse(text)
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, file, "exec"), names)  # noqa: S102
        if isinstance(last, ast.Expr):
            shown.append(eval(compile(ast.Expression(last.value), file, "eval"), names))  # noqa: S307
    return names, shown


def test_the_notebook_runs_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    names, shown = executed(EXAMPLES / "from_python.ipynb")
    results, curves, _, _, board, picture, data = shown
    found = (*results, *names["mine"], *names["elsewhere"])
    assert [each.status for each in found] == ["ok"] * 12
    assert "<iframe" in board._repr_html_()
    for drawn in (curves, picture):
        assert drawn._repr_png_().startswith(b"\x89PNG")
    assert "table explore=0.2" in [row.name for row in board.ranked]
    assert "practised" in [row.name for row in board.unranked]
    scores = dict(data)
    assert scores["practised"] > scores["table explore=0.2"] > scores["random-tabular"]


@pytest.mark.slow
def test_a_kernel_runs_the_notebook_and_shows_what_is_in_it(tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(EXAMPLES / "from_python.ipynb", as_version=4)
    about = {"metadata": {"path": tmp_path}}
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", resources=about).execute()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    shown = [[set(o.get("data", {})) for o in cell.outputs] for cell in cells]
    run, curves, mine, _, board, picture, _ = shown
    assert run == [{"text/plain"}, {"text/plain", "text/html"}]  # how it went on, the results
    assert curves == picture == [{"text/plain", "image/png"}]
    assert board == [{"text/plain", "text/html"}]
    assert "3 of 3 finished" in cells[2].outputs[0].data["text/plain"]
    assert len(mine) == 2


def test_the_notebook_holds_no_output() -> None:
    cells = json.loads((EXAMPLES / "from_python.ipynb").read_text())["cells"]
    assert all(not cell.get("outputs") for cell in cells)


def test_the_plain_loop_ends_on_two_boards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = loaded("pytorch_loop")
    monkeypatch.chdir(tmp_path)
    for name in example.TASKS:
        with standing_in(shrink(registry.task(name))):
            policy = example.train(name, updates=2, steps=4, envs=2)
            (made,) = lb.evaluate(name, policy, name="reinforce", progress=False)
            assert made.status == "ok", made.message
            assert made.agent.name in [r.name for r in lb.board(name, tier="smoke").unranked]


def test_the_plain_loop_learns() -> None:
    import torch

    example = loaded("pytorch_loop")
    task = "urlb/entropy-grid"
    env = lb.make_env(task, 64, seed=1)

    def earned(policy: Any) -> float:
        torch.manual_seed(0)
        observation, total = env.reset(seed=5)[0], 0.0
        for _ in range(60):
            logits = policy(torch.as_tensor(observation))
            action = torch.distributions.Categorical(logits=logits).sample()
            observation, reward, *_ = env.step(action.numpy())
            total += float(reward.sum())
        return total

    before = example.train(task, updates=0, steps=1, envs=1)
    after = example.train(task, updates=60, steps=32, envs=16)
    assert earned(after) > 1.5 * earned(before)


def test_development_episodes_are_others_and_on_no_board(tmp_path: Path) -> None:
    task = "urlb/entropy-grid"
    with standing_in(shrink(registry.task(task))):
        score = lb.dev_score(task, "random-tabular", seeds="0-1", out=tmp_path)
        found = lb.run(task, "random-tabular", seeds="0-1", out=tmp_path, progress=False)
        rows = lb.results(task, runs=tmp_path, committed=False)
    assert [each.run_id for each in rows] == [each.digest() for each in found]
    own = lb.results(task, runs=tmp_path / "development", committed=False)
    assert sum(own.scores) / 2 == score
    assert not set(own[0].episodes["seed"]) & set(found[0].episodes["seed"])


def test_the_study_looks_at_development_episodes_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    monkeypatch.chdir(tmp_path)
    example = loaded("optuna_study")
    with standing_in(shrink(registry.task(example.TASK))):
        found = example.study(3)
    assert len(found.trials) == 3
    assert set(found.best_params) == {"task_rate"}
    assert [each.name for each in (tmp_path / "runs").iterdir()] == ["development"]
