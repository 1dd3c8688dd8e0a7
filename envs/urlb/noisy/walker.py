"""The walker with noise on the actions."""

from __future__ import annotations

from leapbench.envs.urlb.dmc.walker import WalkerEnv
from leapbench.envs.urlb.noisy.actions import NoisyActions


class NoisyWalkerEnv(NoisyActions, WalkerEnv):
    """`WalkerEnv` whose actions are disturbed now and then.

    ## Description

    URLB's walker in MOSS's test under noise (arXiv 2210.06702): with probability
    `probability` N(0, s²) is added to the six numbers of an action, which are then cut to
    [-1, 1]. The paper prints N(0, .2) at .3 and does not say whether .2 is s or s².

    ## Action Space

    `Box(-1, 1, (6,), float32)`, as of `WalkerEnv`, before the noise.

    ## Observation Space

    `Box(-inf, inf, (24,), dtype)`, as of `WalkerEnv`. The noise is not part of it.

    ## Rewards

    As of `WalkerEnv`, in [0, 1].

    ## Starting State

    As of `WalkerEnv`. The seed fixes start and noise.

    ## Episode End

    Truncated after 1000 steps, never terminated. `info` is empty.

    ## Arguments

    * `task`: see `WalkerEnv`; that of the id is "walk".
    * `probability`: of noise in a step, from 0 to 1.
    * `size`: of the noise, from 0 to 10.
    * `reading`: "deviation", s is `size`; "variance", s² is.
    * `dtype`, `render_mode`: see `DmControlEnv`.

    Wrong arguments, and a missing dm_control, raise `leapbench.errors.UserError`.

    ## Version History

    * v0: first version.
    """

    def __init__(
        self,
        task: str | None = None,
        probability: float = 0.3,
        size: float = 0.2,
        reading: str = "deviation",
        dtype: str = "float32",
        render_mode: str | None = None,
    ) -> None:
        WalkerEnv.__init__(self, task, dtype=dtype, render_mode=render_mode)
        self.disturb(probability, size, reading)
