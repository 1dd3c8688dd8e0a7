"""Graphs of facts: their files, their ranks by a plain re-computation, and what is refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from leapbench.agents.knowledge.graph.embedding import Embedding
from leapbench.agents.knowledge.graph.frequency import Frequency
from leapbench.contract import registry
from leapbench.envs.knowledge import graphs
from leapbench.envs.knowledge.ranks import Filter, summary
from leapbench.errors import InvalidOutput, UserError
from leapbench.tasks.knowledge.graph_harness import GraphHarness

TRAIN = "ann\tlikes\tbob\nbob\tlikes\tann\nann\tknows\tcy\ncy\tknows\tbob\n"


def written(folder: Path, ending: str = ".tsv", **files: str) -> Path:
    texts = {"train": TRAIN, "valid": "", "test": "cy\tlikes\tann\n"} | files
    for name, text in texts.items():
        data = text.encode()
        path = folder / f"{name}{ending}"
        path.write_bytes(gzip.compress(data) if ending.endswith("gz") else data)
    return folder


@pytest.mark.parametrize("ending", graphs.ENDINGS)
def test_the_usual_files_are_read(ending: str, tmp_path: Path) -> None:
    graph = graphs.read(written(tmp_path, ending, test="cy\tlikes\tann\ncy\tlikes\tdan\n"))
    assert graph.entities == ("ann", "bob", "cy")
    assert graph.relations == ("knows", "likes")
    assert graph.train.tolist() == [[0, 0, 2], [0, 1, 1], [1, 1, 0], [2, 0, 1]]
    assert graph.test.tolist() == [[2, 1, 0]]
    assert graph.dropped == 1


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"train": TRAIN + "ann likes bob\n"}, "line 5: expected head, relation and tail"),
        ({"valid": "ann\t\tbob\n"}, "line 1: expected"),
        ({"test": "eve\tlikes\tann\n"}, "no triplet of the test file"),
    ],
)
def test_bad_lines_are_told(files: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=said):
        graphs.read(written(tmp_path, **files))


def test_files_that_are_no_graphs_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no train\.tsv"):
        graphs.read(tmp_path)
    written(tmp_path)
    (tmp_path / "train.tsv").unlink()
    (tmp_path / "train.tsv.gz").write_bytes(b"no archive")
    with pytest.raises(UserError, match="cannot be read"):
        graphs.read(tmp_path)


def test_a_drawn_graph_is_the_same_bytes_and_its_rules_can_be_learned() -> None:
    a, b, c = graphs.drawn(3), graphs.drawn(3), graphs.drawn(4)
    assert a.train.tobytes() == b.train.tobytes() != c.train.tobytes()
    told = {tuple(row) for row in a.train.tolist()}
    assert not told & {tuple(row) for row in a.test.tolist()}


def plainly(scores: np.ndarray, known: set[tuple[int, ...]], asked: np.ndarray, side: int) -> list:
    """Ranks one candidate at a time."""
    ranks = []
    for row, triplet in zip(scores, asked.tolist(), strict=True):
        above = equal = 0
        for entity, score in enumerate(row):
            other = list(triplet)
            other[side] = entity
            if tuple(other) == tuple(triplet) or tuple(other) in known:
                continue
            above += score > row[triplet[side]]
            equal += score == row[triplet[side]]
        ranks.append(1 + above + equal / 2)
    return ranks


@pytest.mark.parametrize("side", [0, 2])
def test_filtered_ranks_are_those_of_a_plain_count(side: int) -> None:
    graph, rng = graphs.drawn(0), np.random.default_rng(side)
    known = np.concatenate([graph.train, graph.valid, graph.test])
    scores = rng.integers(9, size=(len(graph.test), len(graph.entities))).astype(np.float32)
    wanted = plainly(scores, {tuple(row) for row in known.tolist()}, graph.test, side)
    assert Filter(known, side).ranks(scores, graph.test).tolist() == wanted
    found = summary(np.array(wanted))
    assert found["mrr"] == pytest.approx(np.mean([1 / rank for rank in wanted]))
    assert found["hits10"] == np.mean([rank <= 10 for rank in wanted])


@pytest.mark.parametrize("side", [0, 2])
def test_filtered_ranks_are_those_of_pykeen(side: int) -> None:
    torch = pytest.importorskip("torch")
    evaluator = pytest.importorskip("pykeen.evaluation.evaluator")
    ranks = pytest.importorskip("pykeen.evaluation.ranks")
    graph, rng = graphs.drawn(1), np.random.default_rng(side)
    known = np.concatenate([graph.train, graph.valid, graph.test])
    scores = rng.integers(9, size=(len(graph.test), len(graph.entities))).astype(np.float32)
    asked, given = torch.from_numpy(graph.test), torch.from_numpy(scores)
    true = given[torch.arange(len(asked)), asked[:, side]][:, None]
    drop, _ = evaluator.create_sparse_positive_filter_(asked, torch.from_numpy(known), None, side)
    kept = evaluator.filter_scores_(given.clone(), drop)
    kept[torch.arange(len(asked)), asked[:, side]] = true[:, 0]
    theirs = ranks.Ranks.from_scores(true, kept).realistic
    assert Filter(known, side).ranks(scores, graph.test).tolist() == theirs.tolist()


def run(part: object, limit: int = 80_000) -> dict[str, float]:
    protocol = registry.task("knowledge/graph").protocols["smoke"]
    phase = protocol.phases[0]
    phase = phase.model_copy(update={"budget": phase.budget.model_copy(update={"limit": limit})})
    harness = GraphHarness(protocol, 7, None)  # type: ignore[arg-type]
    opened = harness.open(phase, {}, lambda fraction, line: None)
    part.learn(opened)  # type: ignore[attr-defined]
    assert opened.meter.used <= limit
    rows = harness.evaluate({"model": part}, lambda fraction, line: None).rows  # type: ignore[dict-item]
    return dict(harness.metrics(protocol, rows))


def test_rules_are_learned_and_counts_are_not_enough() -> None:
    counted, learned = run(Frequency()), run(Embedding(product=True))
    assert learned["mrr"] > 3 * counted["mrr"]
    assert counted["mrr_tails"] > counted["mrr_heads"]  # districts have many heads


@pytest.mark.parametrize("answer", [None, "text", np.zeros((2, 3)), np.nan])
def test_answers_are_checked(answer: object) -> None:
    class Odd:
        def scores(self, known: np.ndarray, relations: np.ndarray, side: str) -> object:
            odd = isinstance(answer, float)
            return np.full((len(known), 221), np.nan) if odd else answer

        def learn(self, phase: object) -> None:
            return

    with pytest.raises(InvalidOutput, match="finite numbers"):
        run(Odd())


def test_a_graph_that_is_not_there_is_told_with_what_to_type() -> None:
    from leapbench.tasks.knowledge.graph_harness import found

    with pytest.raises(UserError, match="There is no graph 'nowhere'") as told:
        found("nowhere")
    assert "export LEAPBENCH_DATA=" in str(told.value)
