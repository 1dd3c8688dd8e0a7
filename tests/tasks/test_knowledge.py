"""Knowledge under a triplet budget: what is paid, what is asked, and what is refused."""

from __future__ import annotations

import copy
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import ResetNeeded

import leapbench  # noqa: F401
from leapbench.agents.knowledge.oracle.policy import Annotated
from leapbench.contract import registry
from leapbench.contract.meter import Meter
from leapbench.contract.task import Budget
from leapbench.envs.knowledge import scenes
from leapbench.envs.knowledge.batches import SOURCES
from leapbench.envs.knowledge.network import Shape
from leapbench.envs.knowledge.probes import Effort
from leapbench.envs.knowledge.sources import Sources
from leapbench.envs.knowledge.world import composite
from leapbench.errors import BudgetExceeded, InvalidOutput, UserError
from leapbench.running.cell import Cell, run
from leapbench.tasks.knowledge.asked import Asked
from leapbench.tasks.knowledge.data import MeteredKnowledge
from leapbench.tasks.knowledge.harness import KnowledgeHarness, probed
from leapbench.tasks.knowledge.steering import KnowledgeSteering
from leapbench.testing import check_task, small_task, standing_in

SMALL = {"count": 60, "horizon": 3, "updates": 2, "batch": 12, "start": 2, "held": 16, "worlds": 2}
STEERED = ("leapbench/KnowledgeCurriculum-Discrete-v0", "leapbench/KnowledgeQuery-v0")


def metered(limit: int) -> MeteredKnowledge:
    meter = Meter(Budget(unit="triplets", limit=limit))
    return MeteredKnowledge(Sources(1, 40), {}, Shape(), meter)


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["scenes", "curriculum", "query"])
def test_tasks_keep_the_rules(variant: str) -> None:
    check_task(small_task(f"knowledge/{variant}"))


def test_everything_that_is_drawn_is_paid() -> None:
    data, rng = metered(40), np.random.default_rng(0)
    data.draw({"pairs": 5, "language": 4, "negatives": 3}, rng)
    assert data.meter.used == 5 + 4 + 9
    with pytest.raises(BudgetExceeded):
        data.draw({"negatives": 8}, rng)
    assert data.meter.used == 18
    for counts in ({"pairs": -30}, {"answers": 1}):
        with pytest.raises(UserError, match=r"There are no"):
            data.draw(counts, rng)
    assert data.meter.used == 18


@pytest.mark.parametrize("order", [True, False])
def test_annotations_know_everything_and_a_bag_of_words_no_order(order: bool) -> None:
    learned, held = scenes.make(5, 500, 1), scenes.make(5, 64, 2)
    oracle = Annotated(order)
    oracle.bind([learned, held])
    rng = np.random.default_rng(0)
    found = probed(Asked(oracle), learned, held, rng, Effort(500, 400))
    assert found["category"] == 1.0
    assert found["retrieval"] > (0.95 if order else 0.5)
    for kind in ("attributes_swapped", "arguments_swapped", "relation_turned"):
        right = found[kind]
        assert right > 0.95 if order else abs(right - 0.5) < 0.06
    assert found["size"] > 0.9
    assert found["relation"] > 0.6


def test_guessing_scores_nothing() -> None:
    class Guess:
        def __init__(self) -> None:
            self.rng = np.random.default_rng(0)

        def tokens(self, images: np.ndarray) -> np.ndarray:
            return self.rng.normal(size=(len(images), 16, 4))

        def words(self, texts: np.ndarray) -> np.ndarray:
            return self.rng.normal(size=(len(texts), 4))

        def scores(self, images: np.ndarray, texts: np.ndarray) -> np.ndarray:
            return self.rng.normal(size=(len(images), len(texts)))

    learned, held = scenes.make(5, 200, 1), scenes.make(5, 256, 2)
    rng = np.random.default_rng(0)
    row = probed(Asked(Guess()), learned, held, rng, Effort(200, 20))  # type: ignore[arg-type]
    task = registry.task("knowledge/scenes").protocols["smoke"]
    metrics = KnowledgeHarness.metrics(task, [{**row, "start": 0.0}])
    assert abs(metrics["score"]) < 0.1
    forgetful = KnowledgeHarness.metrics(task, [{**row, "start": 0.5}])
    assert forgetful["score"] == pytest.approx(metrics["score"] - 0.5 + row["retrieval"])


@pytest.mark.parametrize(
    "answer", [None, "text", np.zeros((2, 3)), np.full((4, 16, 2), np.nan), np.zeros((4, 16, 5000))]
)
def test_answers_are_checked(answer: object) -> None:
    class Odd:
        def tokens(self, images: np.ndarray) -> object:
            return answer

    images = np.arange(4, dtype=np.uint8).repeat(32 * 32 * 3).reshape(4, 32, 32, 3)
    with pytest.raises(InvalidOutput, match=r"tokens is to give (4 x 16 x d|finite) numbers"):
        Asked(Odd()).tokens(images)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="no method scores"):
        Asked(Odd()).scores(images, np.zeros((1, 14), np.int64))  # type: ignore[arg-type]


@pytest.mark.parametrize("environment", STEERED)
def test_learning_is_the_same_bytes(environment: str) -> None:
    ends = []
    for _ in range(2):
        env = gym.make(environment, **SMALL)
        env.reset(seed=4)
        for action in (0, 12 if "Query" in environment else 3, 1):
            seen = env.step(action)
        ends.append((seen[0].tobytes(), seen[1], env.unwrapped.score()))  # type: ignore[attr-defined]
    assert ends[0] == ends[1]


def test_a_copy_learns_on_as_the_original_does() -> None:
    env = gym.make(STEERED[0], **SMALL)
    env.reset(seed=4)
    env.step(0)
    twin = copy.deepcopy(env)
    ours, theirs = env.step(3), twin.step(3)
    assert ours[0].tobytes() == theirs[0].tobytes()
    twin.step(3)
    assert env.unwrapped.score() != twin.unwrapped.score()  # type: ignore[attr-defined]


def test_rewards_add_up_to_the_change() -> None:
    env = gym.make(STEERED[0], **SMALL)
    _, info = env.reset(seed=4)
    before, total, over = info, 0.0, False
    while not over:
        _, reward, _, over, info = env.step(2)
        total += float(reward)
    change = composite(info, before["retrieval"]) - composite(before, before["retrieval"])
    assert total == pytest.approx(change)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_step_never_costs_more_than_its_batch(share: float) -> None:
    env = gym.make("leapbench/KnowledgeCurriculum-v0", **SMALL).unwrapped
    rng = np.random.default_rng(0)
    for _ in range(50):
        env.shares = rng.dirichlet(np.full(len(SOURCES), 0.05 + share))  # type: ignore[attr-defined]
        counts = env._counts()  # type: ignore[attr-defined]
        spent = sum(n * (3 if name == "negatives" else 1) for name, n in counts.items())
        assert SMALL["batch"] - 3 < spent <= SMALL["batch"]


@pytest.mark.parametrize(("environment", "actions"), [(STEERED[0], (0, 0, 0)), (STEERED[1], (22,))])
def test_what_is_over_does_not_go_on(environment: str, actions: tuple[int, ...]) -> None:
    env = gym.make(environment, **SMALL).unwrapped
    env.reset(seed=4)
    *_, last = (env.step(action) for action in actions)
    assert last[2] or last[3]
    with pytest.raises(ResetNeeded):
        env.step(0)
    env.reset(seed=5)
    env.step(0)


def test_episodes_that_end_apart_are_played_together() -> None:
    """One asks, the other is silent from the start."""

    class Halves:
        def predict(self, observation: np.ndarray, *rest: object, **named: object) -> object:
            return np.array([0, 22] * (len(observation) // 2)), None

    task = small_task("knowledge/query")
    protocol = task.protocols["smoke"]
    wanted = protocol.evaluation.model_copy(update={"episodes": 2})
    harness = KnowledgeSteering(protocol.model_copy(update={"evaluation": wanted}), 0, None)  # type: ignore[arg-type]
    rows = harness.evaluate({"policy": Halves()}, lambda fraction, line: None).rows  # type: ignore[dict-item]
    assert [row["length"] for row in rows] == [3, 1]
    assert [row["return"] for row in rows][1] == 0.0


def test_no_run_learns_from_its_own_episodes() -> None:
    """The run's seed decides its episodes, so that it decides what is held out, too."""
    protocol = small_task("knowledge/query").protocols["smoke"]
    for seed in (0, 3):
        harness = KnowledgeSteering(protocol, seed, None)  # type: ignore[arg-type]
        opened = harness.open(protocol.phases[0], {}, lambda fraction, line: None)
        assert opened.make_env is not None
        scored = int(KnowledgeSteering.schedule(protocol, "", seed)[0]["seed"])
        with pytest.raises(UserError, match="is that of an episode that is scored"):
            opened.make_env(1).reset(seed=scored)


def test_practice_and_evaluation_have_other_worlds() -> None:
    for variant in ("curriculum", "query"):
        for protocol in registry.task(f"knowledge/{variant}").protocols.values():
            practised = protocol.settings["world"] | protocol.settings["learning"]
            worlds = gym.make(protocol.evaluation.environment, **practised).unwrapped
            last = worlds.first + worlds.worlds  # type: ignore[attr-defined]
            assert last <= protocol.settings["world"]["first"]


@pytest.mark.parametrize("setting", [{"batch": 3}, {"worlds": 0}, {"first": -1}, {"held": 0}])
def test_settings_out_of_range_are_refused(setting: dict[str, int]) -> None:
    with pytest.raises(UserError, match=f"{next(iter(setting))}.* must be"):
        gym.make(STEERED[0], **setting)


def test_an_own_method_spends_what_it_is_given(tmp_path: Path) -> None:
    file = Path(__file__).parents[2] / "examples" / "own_knowledge.py"
    one = Cell("knowledge/scenes", "smoke", f"{file}:Late", 0, (), tmp_path)
    with standing_in(small_task("knowledge/scenes")):
        made = run(one, lambda fraction, line: None)
    assert made.status == "ok", made.message
    assert made.budget[0].used == 3 * 128


def test_the_picture_knows_what_was_bought_now() -> None:
    env = gym.make("leapbench/KnowledgeQuery-v0", **SMALL, render_mode="rgb_array").unwrapped
    env.reset(seed=4)
    words = env.sources.words  # type: ignore[attr-defined]
    env.step(11)
    facts = {(head, tail) for head, _, tail in words.facts}
    assert env.fresh <= facts  # type: ignore[attr-defined]
    assert any(head == words.colours[0] for head, _ in env.fresh)  # type: ignore[attr-defined]
    before = env.fresh  # type: ignore[attr-defined]
    env.step(1)
    assert ("", words.colours[1]) in env.fresh  # type: ignore[attr-defined]
    assert env.told == before  # type: ignore[attr-defined]
    assert env.latest == f"objects of {words.colours[1]}"  # type: ignore[attr-defined]
