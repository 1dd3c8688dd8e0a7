"""Projection, priorities, Eq 6, targets and augmentation, against plain computations."""

import math

import numpy as np
import pytest
import torch
from atari100k_pieces import CPU, NONE, SPR, VCR, plain, stored, waving

from leapbench.agents.atari100k.common.distribution import Support
from leapbench.agents.atari100k.common.priorities import Priorities, importance
from leapbench.agents.common import losses
from leapbench.agents.common.augment import Augmenter, crops, padded_frames
from leapbench.agents.common.auxiliary import Auxiliary
from leapbench.errors import UserError

ROWS = np.array([2, 5, 21, 30])
ONES = np.ones(4, np.float32)


def test_projection_keeps_mass_and_mean_and_splits_between_neighbours():
    torch.manual_seed(0)
    support = Support(51, 10.0, CPU)
    chances = torch.rand(6, 51).softmax(1)
    returns = torch.linspace(-1, 1, 6)
    made = support.project(chances, returns, torch.full((6,), 0.9))
    torch.testing.assert_close(made.sum(1), torch.ones(6))
    torch.testing.assert_close(support.mean(made), returns + 0.9 * support.mean(chances))
    ended = support.project(chances[:1], torch.tensor([0.1]), torch.zeros(1))[0]
    assert ended[25:27].tolist() == pytest.approx([0.75, 0.25], abs=1e-5)
    beyond = support.project(chances[:1], torch.tensor([99.0]), torch.ones(1))[0]
    assert float(beyond[50]) == pytest.approx(1)


def test_rows_are_drawn_by_priority_and_weighted_against_it():
    tree = Priorities(100, alpha=0.5)
    tree.set(np.arange(4), np.array([0.0, 1.0, 4.0, 9.0]))
    assert tree.total == pytest.approx(6.0)
    rows, chances = tree.draw(60_000, np.random.default_rng(0))
    shares = np.bincount(rows, minlength=4) / len(rows)
    assert shares == pytest.approx([0, 1 / 6, 2 / 6, 3 / 6], abs=0.01)
    assert chances.tolist()[:5] == [float(row) for row in rows[:5]]
    weights = importance(np.array([1.0, 2.0, 3.0]), beta=1.0)
    assert weights == pytest.approx([1, 1 / 2, 1 / 3], abs=1e-4)
    assert importance(np.array([1.0, 3.0]), beta=0.0).tolist() == [1, 1]


def test_eq_6_is_the_mean_over_actions_with_the_return_of_the_one_taken():
    generator = torch.Generator().manual_seed(0)
    mine, real = (torch.randn(5, 3, generator=generator) for _ in range(2))
    taken, returns = torch.tensor([0, 2, 1, 1, 0]), torch.randn(5, generator=generator)
    for given, every in ((returns, True), (None, True), (returns, False), (None, False)):
        made = losses.value_consistency(mine, real, taken, given, every)
        for i in range(5):
            aims = real[i].tolist()
            if given is not None:
                aims[int(taken[i])] = float(given[i])
            errors = [(float(mine[i, a]) - aims[a]) ** 2 for a in range(3)]
            expected = sum(errors) / 3 if every else errors[int(taken[i])]
            assert float(made[i]) == pytest.approx(expected, rel=1e-5)


def test_eq_6_on_distributions_is_a_cross_entropy():
    torch.manual_seed(0)
    mine = torch.randn(2, 3, 4).log_softmax(-1)
    real, returns = torch.randn(2, 3, 4).softmax(-1), torch.randn(2, 4).softmax(-1)
    taken = torch.tensor([2, 0])
    made = losses.distribution_consistency(mine, real, taken, returns)
    for i in range(2):
        total = 0.0
        for a in range(3):
            aim = returns[i] if a == taken[i] else real[i, a]
            total -= sum(float(aim[z] * mine[i, a, z]) for z in range(4))
        assert float(made[i]) == pytest.approx(total / 3, rel=1e-5)


def test_steps_after_the_end_do_not_count():
    each = torch.tensor([1.0, 10.0, 2.0, 20.0])  # two steps of two sequences, by step
    alive = torch.tensor([[1.0, 1.0], [1.0, 0.0]])
    assert losses.over_steps(each, alive).tolist() == [3.0, 10.0]


def test_value_loss_of_an_update_equals_eq_6_computed_plainly():
    replay, learner = stored(), waving(VCR)
    found = replay.read(ROWS, 5, 10, 0.99)
    with torch.no_grad():
        images = torch.from_numpy(replay.observations(np.arange(replay.head)))
        latents = learner.encoder(
            (images.float() / 255).contiguous(memory_format=torch.channels_last)
        )
        logits = learner.head.logits(learner.head.hidden(latents))
        chances, atoms = logits.softmax(-1), learner.support.values
        values = chances @ atoms
        expected = 0.0
        for b, row in enumerate(ROWS):
            made = learner.model.rollout(
                latents[ROWS], torch.from_numpy(found.actions[:, :5].copy())
            )
            for k in range(1, 6):
                if not found.alive[b, k]:
                    continue
                imagined = made[(k - 1) * len(ROWS) + b][None]
                mine = learner.head.logits(learner.head.hidden(imagined)).log_softmax(-1)[0]
                aims, taken = chances[row + k].clone(), found.actions[b, k]
                after = found.after[b, k]
                best = int(values[after].argmax())
                moved = found.returns[b, k] + found.discounts[b, k] * atoms
                projected = torch.zeros(51)
                for z, chance in zip(moved.clamp(-10, 10), chances[after, best], strict=True):
                    place = float(z + 10) / 0.4
                    low = min(math.floor(place + 1e-6), 49)
                    projected[low] += chance * (1 - (place - low))
                    projected[low + 1] += chance * (place - low)
                aims[taken] = projected
                expected -= float((aims * mine).sum()) / len(aims)
    _, made = learner.update(plain(replay), found, ONES)
    assert float(made["value"]) == pytest.approx(expected / len(ROWS), rel=1e-4)


@pytest.mark.parametrize("auxiliary", [SPR, VCR, Auxiliary(5, latent=1.0)])
def test_no_gradient_goes_into_targets(auxiliary):
    """A target's latents need no gradient, and the loss does not move when it is detached."""
    replay, learner = stored(), waving(auxiliary)
    found = replay.read(ROWS, 5, 10, 0.99)
    targets = learner._targets(plain(replay), found)
    assert not targets.after.requires_grad
    assert not targets.ahead.requires_grad
    latent = learner.encoder(plain(replay).whole(found.rows[:, 0]))
    each = learner.imagined(latent, found, targets)
    for name, loss in each.items():
        learner.optimiser.zero_grad()
        loss.sum().backward(retain_graph=True)
        assert learner.model.second.weight.grad.abs().sum() > 0, name
    real = torch.randn(6, 4, requires_grad=True)
    mine = torch.randn(6, 4, requires_grad=True)
    (losses.cosine(mine, real).sum() + losses.squared(mine, real).sum()).backward()
    taken = torch.zeros(6, dtype=torch.int64)
    returns = torch.randn(6, requires_grad=True)
    losses.value_consistency(mine, real, taken, returns).sum().backward()
    assert real.grad is None
    assert returns.grad is None
    assert mine.grad is not None


def test_shift_pads_by_the_border():
    images = np.random.default_rng(0).integers(0, 256, (3, 2, 9, 9), dtype=np.uint8)
    offsets = np.array([[0, 8], [4, 4], [8, 1]])
    padded = np.pad(images, ((0, 0), (0, 0), (4, 4), (4, 4)), mode="edge")
    np.testing.assert_array_equal(padded_frames(images, 4), padded)
    where = np.array([[0, 1], [1, 1], [2, 0]])
    made = crops(padded, where, offsets, 4)
    for i, (y, x) in enumerate(offsets):
        np.testing.assert_array_equal(made[i], padded[where[i], :, y : y + 9, x : x + 9])


@pytest.mark.parametrize("last", [True, False])
def test_inputs_are_the_crops_of_observations(last):
    replay, rows = stored(), np.array([3, 4, 5, 9, 30, 31, 4])
    made = Augmenter(replay, np.random.default_rng(7), CPU, last=last)
    made.chunk = 3
    rng = np.random.default_rng(7)
    offsets = rng.integers(0, 9, (7, 2))
    factors = 1 + np.float32(0.05) * rng.standard_normal(7, np.float32).clip(-2, 2)
    seen = np.pad(replay.observations(rows), ((0, 0), (0, 0), (4, 4), (4, 4)), mode="edge")
    each = [seen[i, :, y : y + 84, x : x + 84] for i, (y, x) in enumerate(offsets)]
    wanted = np.stack(each) * factors[:, None, None, None] / 255
    np.testing.assert_allclose(made.whole(rows), wanted, rtol=1e-5)
    made.rng = np.random.default_rng(7)
    parts = torch.cat([part.clone() for part in made.inputs(rows)])
    np.testing.assert_allclose(parts, wanted, rtol=1e-5)


def test_inputs_are_scaled_stack_by_stack_and_drawn_anew():
    replay = stored()
    made = Augmenter(replay, np.random.default_rng(0), CPU)
    first, second = (made.whole(np.array([7, 7])) for _ in range(2))
    assert first.shape == (2, 4, 84, 84)
    assert first.max() <= 1.1
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first, second)
    rows = np.arange(1, 50)  # more than are made at once
    still = Augmenter(replay, np.random.default_rng(0), CPU, pad=0, intensity=0).whole(rows)
    torch.testing.assert_close(still, torch.from_numpy(replay.observations(rows)).float() / 255)


def test_a_model_adds_actions_as_constant_planes_would():
    model = waving(SPR).model
    latent, actions = torch.rand(3, 64, 7, 7), torch.tensor([0, 5, 2])
    planes = torch.nn.functional.one_hot(actions, 6).float().view(3, 6, 1, 1).expand(-1, -1, 7, 7)
    weight = torch.cat([model.first.weight, model.action], dim=1)
    whole = torch.nn.functional.conv2d(
        torch.cat([latent, planes], 1), weight, model.first.bias, padding=1
    )
    torch.testing.assert_close(model.first(latent) + model.planes(actions), whole)


def test_settings_out_of_range_are_refused():
    with pytest.raises(UserError, match="cosine must be 0 or more"):
        Auxiliary(5, cosine=-1)
    assert NONE.returns is False
