"""When to answer: the exit rules of `leapbench.agents.common.exits`, over looks."""
