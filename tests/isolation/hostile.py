"""Small hostile agents."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

from leapbench.isolation.limits import Limits
from leapbench.results.result import Result

Attack = Callable[..., Result]
"""The fixture `attack`: runs an agent of the given lines."""
SALT = "the salt of a hosted board"
AGENT = """
import os, sys, time
import numpy as np
{top}

class Agent:
    calls = 0

    def learn(self, phase):
{learn}

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        self.calls += 1
        actions = np.zeros(len(observation), np.int64)
{predict}
        return actions, state

    def save(self, folder):
{save}

    def load(self, folder):
        pass
"""
SHORT = Limits(cpu=20, wall=20, memory=2 * 2**30, folder=8 * 2**20, file=2 * 2**20)


def agent(
    folder: Path, top: str = "", learn: str = "pass", predict: str = "pass", save: str = "pass"
) -> Path:
    """A file with the class Agent, whose methods have the given lines."""

    def body(code: str) -> str:
        return textwrap.indent(textwrap.dedent(code).strip(), " " * 8)

    file = folder / "hostile.py"
    file.write_text(
        AGENT.format(
            top=textwrap.dedent(top), learn=body(learn), predict=body(predict), save=body(save)
        )
    )
    return file
