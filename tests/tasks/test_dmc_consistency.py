"""Value consistency alone: frozen networks are the agents' own, and scores are what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from leapbench.agents.dmc.common.networks import Actor, Critic, Encoder
from leapbench.contract import registry
from leapbench.errors import InvalidOutput, UserError
from leapbench.running import cell
from leapbench.running.cell import Cell
from leapbench.running.plan import plan
from leapbench.tasks import imagination
from leapbench.tasks.dmc.frozen.data import networks, returns, transitions
from leapbench.testing import check_task, shrink
from leapbench.testing.smaller import standing_in

TASK = registry.task("dmc/consistency")
WORLDS = [phase.name for phase in TASK.protocols["smoke"].phases]


def small(limit: int = 640):
    limits = dict.fromkeys(WORLDS, limit)
    return shrink(TASK, {}, limits, episodes=1)


@pytest.mark.parametrize("name", WORLDS)
def test_frozen_networks_are_those_of_the_agents(name: str) -> None:
    frozen, data = networks(name), transitions(name, "test")
    sizes = frozen.weights["encoder.body.layers.0.weight"].shape
    encoder, actor = Encoder((sizes[1],), 1, sizes[0]), Actor(sizes[0], data.actions.shape[1], 64)
    critic = Critic(data.actions.shape[1], 64)
    for part, net in {"encoder": encoder, "actor": actor, "critic": critic}.items():
        own = {k: v for k, v in frozen.weights.items() if k.startswith(f"{part}.")}
        net.load_state_dict({k[len(part) + 1 :]: torch.from_numpy(v) for k, v in own.items()})
    seen = np.random.default_rng(0).normal(size=(40, sizes[1])).astype(np.float32)
    given = torch.from_numpy(seen)
    with torch.no_grad():
        latents = encoder(given)
        mean, _ = actor(encoder.body(given))
        both = critic(latents, torch.tanh(mean)).amin(0)
    close = {"rtol": 1e-3, "atol": 1e-4}
    np.testing.assert_allclose(frozen.latents(seen), latents, **close)
    np.testing.assert_allclose(frozen.choices(seen), torch.tanh(mean), **close)
    np.testing.assert_allclose(frozen.values(latents.numpy(), frozen.choices(seen)), both, **close)


@pytest.mark.parametrize("name", WORLDS)
def test_the_critic_knows_something_of_held_out_returns(name: str) -> None:
    frozen, data = networks(name), transitions(name, "test")
    values, earned = frozen.values(data.latents, data.actions), returns(data, frozen, 0.95)
    assert np.corrcoef(values, earned)[0, 1] > 0.5
    assert not np.array_equal(data.actions[:50], transitions(name, "train").actions[:50])


def test_a_return_is_what_comes_and_the_value_of_the_last_step() -> None:
    data = transitions(WORLDS[0], "test")
    frozen = networks(WORLDS[0])
    end = int(np.flatnonzero(data.ends)[0])
    last = frozen.values(data.latents[end : end + 1], data.actions[end : end + 1])[0]
    aim = data.rewards[end - 2] + 0.9 * data.rewards[end - 1] + 0.81 * last
    assert returns(data, frozen, 0.9)[end - 2] == pytest.approx(aim, rel=1e-5)


def test_the_task_keeps_the_rules() -> None:
    check_task(small())


def test_a_model_that_learns_is_better_than_one_that_does_not(tmp_path: Path) -> None:
    scores = {}
    for name, rate in (("none", "1e-9"), ("some", "1e-3")):
        with standing_in(small(12800)):
            one = Cell(TASK.name, "smoke", "latent-mse", 0, (f"rate={rate}",), tmp_path / name)
            found = cell.run(one, lambda fraction, line: None)
        assert found.status == "ok", found.message
        scores[name] = found.metrics
    assert scores["some"]["value_1"] < scores["none"]["value_1"] / 2
    assert scores["some"]["cosine_1"] > scores["none"]["cosine_1"]


def test_a_perfect_model_has_the_error_of_the_real_latents() -> None:
    name = WORLDS[0]
    data, frozen = transitions(name, "test"), networks(name)
    rng = np.random.default_rng(0)
    begins = imagination.starts(data.ends, 5, 0, 1, rng)
    steps = begins[:, None] + np.arange(1, 6)
    assert not data.ends[begins].any()

    def measured(latents):
        return imagination.scored(
            lambda first, actions: latents[:, : actions.shape[1]],
            data,
            returns(data, frozen, 0.95),
            begins,
            [1, 3, 5],
            3,
            frozen.values,
            lambda x: x.argmax(1),
        )

    best = measured(data.latents[steps])
    assert best["error"] == best["real"]
    assert [best[f"value_{k}"] for k in (1, 3, 5)] == [0, 0, 0]
    assert best["agreement_3"] == 1
    assert best["cosine_5"] == pytest.approx(1, abs=1e-5)
    kept = measured(np.repeat(data.latents[begins][:, None], 5, axis=1))
    assert kept["error"] == kept["kept"]
    assert kept["value_3"] == kept["kept_value_3"] > 0


@pytest.mark.parametrize("task", ["dmc/consistency", "atari100k/consistency"])
def test_who_learns_by_acting_alone_is_refused_at_once(task: str, tmp_path: Path) -> None:
    family = registry.task(task).family
    offered = {
        n for n, part in registry.agents_of(family).items() if part.fits(registry.task(task))
    }
    assert offered == {"spr", "vcr", "vcr-no-nstep", "vcr-taken", "vcr-only", "latent-mse"}
    for name in set(registry.agents_of(family)) - offered:
        with pytest.raises(UserError, match=f"'{name}' does not work on {task}") as refused:
            plan(task, "smoke", [name], "0", (), tmp_path)
        assert set(refused.value.hint.removeprefix("These do: ")[:-1].split(", ")) == offered
    assert not list(tmp_path.iterdir())


def test_who_learns_from_records_still_acts() -> None:
    assert registry.agent("spr", "dmc").fits(registry.task("dmc/cartpole-swingup"))


def test_ones_own_class_may_learn_from_records(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text(
        "class Own:\n"
        + "".join(f"    def {n}(self, *given): ...\n" for n in ("learn", "save", "load", "predict"))
    )
    (cell_,) = plan(TASK.name, "smoke", [f"{file}:Own"], "0", (), tmp_path / "runs")
    assert cell_.agent == f"{file}:Own"


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    bare = Cell(TASK.name, "smoke", "spr", 0, ("cosine=0",), tmp_path)
    with standing_in(small()), pytest.raises(UserError, match="no model to learn"):
        cell.run(bare, lambda fraction, line: None)
    with pytest.raises(UserError, match="no method imagine"):
        imagination.imagined(object(), np.zeros((1, 2)), np.zeros((1, 1, 1)))  # type: ignore[arg-type]

    class Wrong:
        def imagine(self, latents, actions):
            return latents

    with pytest.raises(InvalidOutput, match="finite numbers"):
        imagination.imagined(Wrong(), np.zeros((1, 2)), np.zeros((1, 1, 1)))  # type: ignore[arg-type]
