"""Public conformance kit: the rules that environments, tasks and agents keep.

For one thing, call `check_environment`, `check_task` or `check_agent`: they
raise `AssertionError` with the name of the first broken rule. For one line a
rule in pytest's report, inherit a base class:

    class TestMyWorld(EnvironmentConformance):
        environment = "mine/World-v0"

or parametrise over `ENVIRONMENT_CHECKS`, `TASK_CHECKS` or `AGENT_CHECKS`, whose
members are called with an id, a `Task` or a `Case`. Importing this package needs
neither pytest nor torch.
"""

from leapbench.testing.agents import AGENT_CHECKS, AgentConformance, check_agent
from leapbench.testing.case import Case
from leapbench.testing.environments import (
    ENVIRONMENT_CHECKS,
    EnvironmentConformance,
    check_environment,
)
from leapbench.testing.smaller import shrink, small_spec, small_task, small_task_of, standing_in
from leapbench.testing.tasks import TASK_CHECKS, TaskConformance, check_task

__all__ = [
    "AGENT_CHECKS",
    "ENVIRONMENT_CHECKS",
    "TASK_CHECKS",
    "AgentConformance",
    "Case",
    "EnvironmentConformance",
    "TaskConformance",
    "check_agent",
    "check_environment",
    "check_task",
    "shrink",
    "small_spec",
    "small_task",
    "small_task_of",
    "standing_in",
]
