"""The point world with noise on the actions."""

from __future__ import annotations

from leapbench.envs.urlb.noisy.actions import NoisyActions
from leapbench.envs.urlb.point.env import EntropyPointEnv


class NoisyPointEnv(NoisyActions, EntropyPointEnv):
    """`EntropyPointEnv` without kicks, whose actions are disturbed now and then.

    ## Description

    The point and its box are those of `leapbench/URLB-EntropyPoint-v0` at noise 0. What is
    random is the action: with probability `probability` N(0, s²) is added to both of its
    numbers, which are then cut to [-1, 1]. It is the small twin of MOSS's test under noise
    (arXiv 2210.06702), which is on the walker.

    ## Action Space

    `Box(-1, 1, (2,), float32)`, as of `EntropyPointEnv`, before the noise.

    ## Observation Space

    `Box(float32, (4,))`, as of `EntropyPointEnv`. The noise is not part of it.

    ## Rewards

    As of `EntropyPointEnv`, in [0, 1].

    ## Starting State

    As of `EntropyPointEnv`. The seed fixes start and noise.

    ## Episode End

    Truncated after `horizon` steps, never terminated. `info` is empty.

    ## Arguments

    * `task`: see `EntropyPointEnv`; that of the id is "calm".
    * `probability`: of noise in a step, from 0 to 1.
    * `size`: of the noise, from 0 to 10.
    * `reading`: "deviation", s is `size`; "variance", s² is.
    * `horizon`, `gain`, `width`, `render_mode`: see `EntropyPointEnv`.

    Wrong arguments raise `leapbench.errors.UserError`.

    ## Version History

    * v0: first version.
    """

    def __init__(
        self,
        task: str | None = None,
        probability: float = 0.3,
        size: float = 0.2,
        reading: str = "deviation",
        horizon: int = 200,
        gain: float = 0.02,
        width: float = 0.1,
        render_mode: str | None = None,
    ) -> None:
        EntropyPointEnv.__init__(self, 0.0, horizon, task, gain, width, render_mode)
        self.disturb(probability, size, reading)
