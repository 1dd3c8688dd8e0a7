"""Teachers and a student under one budget, an episode at a time."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from leapbench.envs.distill.choices import Choices, Decision, Numbers
from leapbench.envs.distill.episode import Episode
from leapbench.envs.distill.exam import examined
from leapbench.envs.distill.observation import observe, space
from leapbench.envs.distill.setup import Setup
from leapbench.envs.distill.world import OPTIONS, World
from leapbench.envs.refusals import begun, drawable, no_options, reals, whole
from leapbench.envs.timed import Timed
from leapbench.errors import unknown

Action = Any
KINDS = ("discrete", "box")


class Rules:
    """What one environment and many have in common: world, spaces, and what actions mean.

    Args:
        actions: "discrete" or "box".
        arguments: of `Setup`.

    Raises:
        UserError: for an argument out of its range.
    """

    def __init__(self, actions: str, **arguments: Any) -> None:
        if actions not in KINDS:
            raise unknown("kind of actions", actions, KINDS)
        self.setup = Setup(**arguments)
        self.world = World(self.setup)
        self.discrete = actions == "discrete"
        self.choices, self.numbers = Choices(self.setup), Numbers(self.setup)
        self.observations = space(self.setup)
        shape = (self.numbers.count,)
        self.actions: gym.Space[Any] = (
            gym.spaces.Discrete(self.choices.count)
            if self.discrete
            else gym.spaces.Box(-1.0, 1.0, shape, np.float32)
        )

    def decision(self, action: Any, episode: Episode) -> Decision:
        """What a checked action means."""
        if self.discrete:
            return self.choices.decision(int(action), episode.owned)
        return self.numbers.decision(action)

    def info(self, episode: Episode, evaluation: bool) -> dict[str, Any]:
        """How an episode ended, with its test accuracy where it is for scoring."""
        return episode.info() | ({"accuracy": examined(episode)} if evaluation else {})


class DistillEnv(Timed, gym.Env[NDArray[np.float32], Action]):
    """Split one budget of multiply-adds between growing teachers and teaching a student.

    ## Description

    A student is to be as accurate as possible. It learns in blocks, from labels and from
    teachers that grow beside it: each trajectory is one training run, of which the next
    checkpoint can be bought. How good a teacher a checkpoint is shows only as it grows, and a
    more accurate one need not be the better teacher (arXiv 2210.06458). Everything is paid
    from one budget, in exact multiply-adds: training a teacher to its next checkpoint, its
    answers, the student's blocks, probes. What cannot be paid does not happen.

    Teachers come from a bank that was trained once, and cost what they would have; student
    blocks are really trained. An instance is a scenario (clean, wrong labels, few pairs,
    narrow, wide or convolutional students, two schedules of teachers) and a number, which
    decides data and teachers. Images are pairs of digits side by side, 100 classes.

    ## Action Space

    `Discrete(J + 2 K + 3)` for J trajectories and K = J M checkpoints, M of each; 37 by default.

    | action                | meaning                                                  |
    |-----------------------|----------------------------------------------------------|
    | j                     | buy the next checkpoint of trajectory j                  |
    | J + k                 | distil a block from checkpoint k                         |
    | J + K                 | distil a block from all owned ones, mixed evenly         |
    | J + K + 1             | train a block without a teacher                          |
    | J + K + 2 + k         | buy the probes of checkpoint k                           |
    | J + 2 K + 2           | stop                                                     |

    With `actions="box"`, `Box(-1, 1, (J + 2 K + 6,), float32)`: trajectories to extend (J) and
    slots to probe (K), wanted above 0; weight of each slot in the teacher (K), what it is above
    0; temperature 4 * 4^x; weight of the labels (1 + x) / 2; train a block, and stop, wanted
    above 0; weight of the former student, above 0; and whether, at the end of the round, the
    student becomes its own teacher and a new one begins. Purchases come first. Without a
    teacher, what the labels leave goes to all classes alike (label smoothing).

    ## Observation Space

    `Box(-1, 1, (20 + 16 K,), float32)`; columns are named by `observation.Head` and
    `observation.Slot`, -1 is not known. Nothing in it comes from test pairs.

    ## Rewards

    Change of the student's validation accuracy, which begins at that of guessing. The return
    is the last validation accuracy less 1 / 100.

    ## Starting State

    Nothing owned, a new student, the whole budget. A seed decides instance and student: its
    first weights and the order of its data, whatever is decided in the episode.

    ## Episode End

    Terminated when the student has had all its blocks, when no block can be paid any more, or
    with `stop`; truncated after `2 K + blocks + 8` rounds. The final `info` has `validation`
    (float), `spent` and `budget` (int, multiply-adds), `blocks`, `checkpoints` and `refused`
    (int), and `accuracy`, on test pairs, where `evaluation` is set.

    ## Arguments

    * `actions`: "discrete" or "box".
    * `evaluation`: whether the final info has the test accuracy.
    * `render_mode`: None or "rgb_array" (uint8 (400, 640, 3)).
    * all attributes of `setup.Setup`, such as `scenarios`, `instances`, `budget` (in whole
      teachers with a student each), `blocks`, `form` (of the loss, "printed" or "released").

    `reset(options=...)` takes `scenario`, `instance`, `student` (numbers) and `budget`.
    Wrong arguments raise `leapbench.errors.UserError`.

    ## Version History

    * v0: first version.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 4}

    def __init__(
        self,
        actions: str = "discrete",
        evaluation: bool = False,
        render_mode: str | None = None,
        **arguments: Any,
    ) -> None:
        self.rules = Rules(actions, **arguments)
        self.evaluation, self.render_mode = evaluation, drawable(render_mode)
        self.observation_space, self.action_space = self.rules.observations, self.rules.actions
        self.episode: Episode | None = None

    @property
    def longest(self) -> int:
        """Rounds of an episode, at most."""
        return self.rules.world.longest

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin an episode.

        Args:
            seed: seeds the random numbers; None goes on with them.
            options: `scenario` (name), `instance`, `student` (whole numbers), `budget` (in
                whole teachers), each instead of what is drawn.

        Raises:
            UserError: for another option, or a value out of range.
        """
        super().reset(seed=seed)
        no_options(options, OPTIONS)
        self.episode = self.rules.world.begin(self.np_random, options)
        return observe(self.episode), {}

    def step(self, action: Action) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Take a round.

        Raises:
            InvalidAction: for another action.
            ResetNeeded: when the episode is over.
        """
        episode, rules = self.episode, self.rules
        if episode is None or episode.over or episode.rounds >= self.longest:
            raise ResetNeeded("The episode is over: call `reset` before `step`.")
        count = rules.numbers.count
        taken = whole(action, rules.choices.count) if rules.discrete else reals(action, (count,))
        (reward,) = rules.world.advance([episode], [rules.decision(taken, episode)])
        cut = not episode.over and episode.rounds >= self.longest
        info = rules.info(episode, self.evaluation) if episode.over or cut else {}
        return observe(episode), float(reward), episode.over, cut, info

    def render(self) -> NDArray[np.uint8] | None:
        """Picture of the episode, uint8 (400, 640, 3); None without a render mode.

        Raises:
            ResetNeeded: before the first `reset`.
        """
        if self.render_mode is None:
            return None
        begun(self.episode is not None)
        from leapbench.envs.distill.render import draw

        assert self.episode is not None  # noqa: S101 - for the type checker
        return draw(self.episode)
