"""Trains students for their next blocks, many in one program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from leapbench.envs.distill import loss
from leapbench.envs.distill.choices import Decision
from leapbench.envs.distill.episode import Episode
from leapbench.envs.distill.exam import apart, validated
from leapbench.envs.distill.stack import Stack
from leapbench.envs.distill.training import cosine, rows, tensor, train
from leapbench.envs.threads import one_thread


def teach(lessons: Sequence[tuple[Episode, Decision]]) -> None:
    """Train each student for its block, those of one shape and as much data together."""
    groups: dict[tuple[Any, ...], list[tuple[Episode, Decision]]] = {}
    for episode, lesson in lessons:
        key = (episode.setup, episode.shape, len(episode.bank.pairs.labels))
        groups.setdefault(key, []).append((episode, lesson))
    with one_thread(), torch.no_grad():
        for group in groups.values():
            _taught([one for one, _ in group], [lesson for _, lesson in group])


def _taught(episodes: Sequence[Episode], lessons: Sequence[Decision]) -> None:
    setup, shape = episodes[0].setup, episodes[0].shape
    form = loss.known(setup.form)
    inputs, starts = _joined({id(e.bank): e.bank.inputs for e in episodes})
    labels, _ = _joined({id(e.bank): e.bank.labels for e in episodes})
    begins = torch.tensor([starts[id(e.bank)] for e in episodes])
    keys = [_key(e, d) for e, d in zip(episodes, lessons, strict=True)]
    wanted = dict(zip(keys, zip(episodes, lessons, strict=True), strict=True))
    softened, places = _joined({key: e.targets(d) for key, (e, d) in wanted.items()})
    soft = torch.tensor([places[key] for key in keys])
    tau = torch.tensor([lesson.tau for lesson in lessons])[:, None, None]
    alpha = torch.tensor([lesson.alpha for lesson in lessons])[:, None, None]

    def slopes(part: slice, out: Tensor, own: Tensor) -> Tensor:
        right = labels[own + begins[part, None]]
        at = (own + soft[part, None]).view(-1)
        answers = softened.index_select(0, at).view(out.shape)
        return loss.gradient(out, right, answers, tau[part], alpha[part], form)

    stack = Stack(
        shape,
        torch.stack([episode.weights for episode in episodes]),
        torch.stack([episode.velocity for episode in episodes]),
    )
    order = tensor(np.stack([_order(episode) for episode in episodes]))
    updates = order.shape[1]
    rates = [
        cosine(updates * setup.blocks, updates * n, updates * (n + 1), setup.student_rate)
        for n in (episode.blocks for episode in episodes)
    ]
    train(stack, inputs, begins, order, tensor(np.stack(rates)), slopes)
    for place, (episode, lesson) in enumerate(zip(episodes, lessons, strict=True)):
        episode.weights, episode.velocity = stack.weights[place].clone(), stack.velocity[place]
        episode.velocity = episode.velocity.clone()
        episode.curve.append(validated(episode))
        episode.spent.append(episode.budget - episode.left)
        episode.taught.append(lesson)
        episode.apart = apart(episode)


def _key(episode: Episode, lesson: Decision) -> tuple[Any, ...]:
    """What is the same where the answers of a block's teachers are."""
    own = id(episode) if lesson.itself else 0
    return id(episode.bank), lesson.weights, lesson.tau, own


def _order(episode: Episode) -> NDArray[np.int64]:
    """Rows of the next block, int64 (updates, batch): of the student's own, whoever teaches."""
    setup, data = episode.setup, len(episode.bank.pairs.labels)
    rng = np.random.default_rng([episode.number, 1, len(episode.curve)])
    return rows(data, setup.views, setup.batch, setup.block_epochs, rng)


def _joined(tables: dict[Any, Tensor]) -> tuple[Tensor, dict[Any, int]]:
    """Tables under each other, and the row at which each begins."""
    ends = np.cumsum([0, *(len(table) for table in tables.values())]).tolist()
    whole = next(iter(tables.values())) if len(tables) == 1 else torch.cat([*tables.values()])
    return whole, dict(zip(tables, ends, strict=False))
