"""The dynamic network that all agents train; its definition is the worlds', which run it."""

from leapbench.envs.latency.dynamic import Bottleneck, DynamicNetwork, Shape, build

__all__ = ["Bottleneck", "DynamicNetwork", "Shape", "build"]
