"""Numbers that the released SPR code (mila-iqia/spr, commit 0b9dd4e) gives.

They come from its replay, model and loss with the weights and the stream of `pieces`,
without augmentation and noise.
"""

import numpy as np
import pytest
import torch
from atari100k_pieces import SPR, plain, stored, waving

ROWS = np.array([1, 4, 8, 12, 20, 23, 25, 33])
WEIGHTS = np.linspace(0.4, 1, 8).astype(np.float32)
RL, COSINE = 2.8028502464294434, 4.2484599351882935
SURPRISE = [
    3.449960231781006, 3.239431142807007, 3.986442804336548, 0.22818420827388763,
    3.427978277206421, 3.825002670288086, 0.4357624053955078, 3.3174123764038086,
]  # fmt: skip
RETURNS = {0: 0.8945110440254211, 2: 1.9900000095367432, 3: 0.8726798295974731}


def found():
    # Rows begin at 1 here and at 0 there.
    return stored().read(ROWS + 1, 5, 10, 0.99)


def test_returns_over_n_steps_end_with_the_episode():
    sequences = found()
    for i, expected in RETURNS.items():
        assert sequences.returns[i, 0] == pytest.approx(expected, abs=1e-6)
    assert (sequences.discounts[:3, 0] == 0).all()
    assert sequences.discounts[3, 0] == pytest.approx(0.99**10, abs=1e-6)


def test_losses_and_priorities_are_those_of_the_released_code():
    replay, learner = stored(), waving(SPR)
    priorities, losses = learner.update(plain(replay), found(), WEIGHTS)
    assert float(losses["rl"]) == pytest.approx(RL, abs=1e-5)
    assert 2 * float(losses["cosine"]) == pytest.approx(COSINE, abs=1e-5)
    torch.testing.assert_close(priorities, torch.tensor(SURPRISE), atol=1e-4, rtol=1e-5)
