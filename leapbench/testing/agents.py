"""Rules that every agent part keeps, one function each.

Checks take a `Case`: a declaration and a task, small enough for a unit test, on
which the part learns. A part whose class says `privileged = True` sees more
than observations, as oracles do: it is checked through the evaluation alone.
"""

from __future__ import annotations

import inspect
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from leapbench.contract import registry
from leapbench.contract.agent import Learner, Model, Policy, is_privileged
from leapbench.contract.declaration import Declaration
from leapbench.contract.settings import MISSING, settings_of
from leapbench.contract.task import Task
from leapbench.errors import UserError
from leapbench.running.composition import compose
from leapbench.running.source import code_hash
from leapbench.testing.case import Case
from leapbench.testing.files import contents, unsafe
from leapbench.testing.rollout import freeze
from leapbench.testing.rules import RuleCheck, attach, require, run_all

PREDICT = ("observation", "state", "episode_start", "deterministic")


def declaration(case: Case) -> None:
    """The declaration fits its task, says something, and names code that exists."""
    part = case.declaration
    with case.installed():
        try:
            compose(case.task, part.name)
        except UserError as error:
            raise AssertionError(f"declaration: {error}") from error
    one_line = bool(part.summary.strip()) and "\n" not in part.summary
    require(one_line, "declaration", "the summary must be one line")
    module = part.entry.partition(":")[0]
    try:
        code_hash((part.entry,))
    except (ImportError, OSError) as error:
        raise AssertionError(f"declaration: {module} cannot be hashed: {error}") from error


def entry(case: Case) -> None:
    """The entry is importable and has the methods of its role."""
    found = _class(case.declaration)
    require(isinstance(found, type), "entry", f"{case.declaration.entry} is not a class")
    kind = {"policy": Policy, "model": Model}.get(case.declaration.role, Learner)
    made = case.build()
    require(isinstance(made, kind), "entry", f"it lacks methods of a {kind.__name__}")
    if case.declaration.role == "policy":
        names = tuple(inspect.signature(made.predict).parameters)  # type: ignore[attr-defined]
        require(names == PREDICT, "entry", f"predict takes {names}, expected {PREDICT}")


def config(case: Case) -> None:
    """Settings are the constructor's, with its defaults, and each says what it means."""
    part = case.declaration
    taken = dict(inspect.signature(_class(part)).parameters)
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    try:
        declared, known = part.config, settings_of(part.entry)
    except UserError as error:
        raise AssertionError(f"config: {error}") from error
    read = {name: each.default for name, each in known.items()}
    for name, parameter in taken.items():
        require(parameter.kind in named, "config", f"the constructor takes *{name}")
        needed = parameter.default is parameter.empty and name not in declared
        require(not needed, "config", f"{name!r} has no default and is not declared")
        wanted = MISSING if parameter.default is parameter.empty else parameter.default
        same = name in read and read[name] == wanted and type(read[name]) is type(wanted)
        text = f"{name} = {wanted!r} is the default, the source reads {read.get(name)!r}"
        require(same, "config", text)
    for name in read:
        require(name in taken, "config", f"the constructor does not take {name!r}")
        meaning = known[name].meaning
        require(bool(meaning), "config", f"the docstring does not say what {name!r} means")


def learning(case: Case) -> None:
    """The part learns inside its budget, and does not turn the meter back."""
    trained = case.trained
    require(trained.error is None, "learning", f"learn raises {trained.error!r}")
    used, limit = trained.opened.meter.used, trained.opened.meter.budget.limit
    require(used <= limit, "learning", f"{used} of {limit} were used")
    given = f"{trained.paid} were given out, the meter says {used}"
    require(trained.paid <= used, "learning", given)


def files(case: Case) -> None:
    """What `save` writes is JSON, safetensors or npz, and never pickle."""
    saved = [file for file in case.saved.rglob("*") if file.is_file()]
    for file in saved:
        reason = unsafe(file)
        require(reason is None, "files", f"{file.name} {reason}")


def round_trip(case: Case) -> None:
    """What was saved and loaded acts, and saves, like the part that learned."""
    loaded = case.load()
    with tempfile.TemporaryDirectory() as folder:
        loaded.save(Path(folder))
        same = contents(Path(folder)) == contents(case.saved)
        require(same, "round_trip", "saving what was loaded gives other files")
    if _acts(case):
        batch = case.observations
        ours, theirs = (
            part.predict(batch.copy(), None, np.ones(len(batch), bool), deterministic=True)[0]
            for part in (case.trained.part, case.load())
        )
        require(freeze(ours) == freeze(theirs), "round_trip", "a loaded part acts differently")
    weights = getattr(getattr(loaded, "network", None), "state_dict", None)
    if weights is not None:
        before, after = case.trained.part.network.state_dict(), weights()
        same = before.keys() == after.keys() and all(
            freeze(before[name].numpy()) == freeze(after[name].numpy()) for name in before
        )
        require(same, "round_trip", "a loaded network has other weights")


def acting(case: Case) -> None:
    """`predict` maps a batch of any size to actions of the action space, and alters nothing."""
    if not _acts(case):
        return
    policy: Any = case.load()
    for size in (1, len(case.observations)):
        batch = case.observations[:size].copy()
        state, start = None, np.ones(size, bool)
        for _ in range(3):
            actions, state = policy.predict(batch, state, start, deterministic=True)
            _valid(actions, size, case.action_space)
            start = np.zeros(size, bool)
        same = freeze(batch) == freeze(case.observations[:size])
        require(same, "acting", "predict changes the observations that it is given")


def reproducible(case: Case) -> None:
    """Two runs with one seed give the same result, and both succeed."""
    first, second = case.run("first"), case.run("second")
    for made in (first, second):
        require(made.status == "ok", "reproducible", f"the run {made.status}: {made.message}")
    same = first.digest() == second.digest()
    scores = f"scores {first.score} and {second.score}"
    require(same, "reproducible", f"two runs with one seed differ: {scores}")


AGENT_CHECKS: tuple[RuleCheck[Case], ...] = (
    declaration,
    entry,
    config,
    learning,
    files,
    round_trip,
    acting,
    reproducible,
)


def check_agent(agent: Declaration | str, task: Task) -> None:
    """Run every rule on one agent part.

    Args:
        agent: its declaration, or the name of a registered one.
        task: where it learns; use `shrink` to make it small.

    Raises:
        AssertionError: for the first broken rule, by name.
    """
    part = registry.agent(agent, task.family) if isinstance(agent, str) else agent
    run_all(AGENT_CHECKS, Case(part, task))


@attach(AGENT_CHECKS)
class AgentConformance:
    """Base of a pytest class that runs every rule on the part called `agent`.

    Attributes:
        agent: name of a registered part.
    """

    agent: str

    def task(self) -> Task:
        """The small task on which the part learns."""
        raise TypeError(f"{type(self).__name__} must say on which `task` the part learns.")

    def subject(self) -> Case:
        """What the checks are run on; one case for the whole class."""
        kind: Any = type(self)
        if "_case" not in kind.__dict__:
            task = self.task()
            kind._case = Case(registry.agent(self.agent, task.family), task)
        case: Case = kind._case
        return case


def _class(part: Declaration) -> type:
    module, _, name = part.entry.partition(":")
    try:
        found: type = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise AssertionError(f"entry: {part.entry} is not importable: {error}") from error
    return found


def _acts(case: Case) -> bool:
    """Whether the part acts on observations alone."""
    found = _class(case.declaration)
    return hasattr(found, "predict") and not is_privileged(found)


def _valid(actions: Any, size: int, space: gym.Space[Any]) -> None:
    require(isinstance(actions, np.ndarray), "acting", f"actions are a {type(actions).__name__}")
    shape = (size, *(space.shape or ()))
    require(actions.shape == shape, "acting", f"actions are {actions.shape}, expected {shape}")
    kinds = "iu" if np.issubdtype(space.dtype, np.integer) else "f"
    require(actions.dtype.kind in kinds, "acting", f"actions are {actions.dtype}")
    inside = all(space.contains(action.astype(space.dtype)) for action in actions)
    require(inside, "acting", f"an action is not in {space}")
