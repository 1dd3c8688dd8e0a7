"""What the suite's scores measure, in a few words with their units."""

from __future__ import annotations

from leapbench.contract.task import Protocol

MEANINGS = {
    "activeview": {
        "area": "mean PSNR in dB over the views taken",
        "final": "PSNR in dB after the last view",
    },
    "atari100k": {
        "score": "mean points of a whole game",
        "q_error": "squared error of imagined values; 1: as if nothing had moved",
    },
    "distill": {"accuracy": "right answers in %, mean over the budgets"},
    "dmc": {
        "return": "mean reward of an episode, 0 to 1000",
        "q_error": "squared error of imagined values; 1: as if nothing had moved",
    },
    "earlyexit": {"accuracy": "share of right answers, mean over the budgets"},
    "knowledge": {
        "score": "share right beyond chance, less what was forgotten",
        "mrr": "mean of 1 / place of the right entity",
    },
    "latency": {
        "accuracy": "share of right answers, mean over budgets and devices",
        "reward": "mean reward: share right, or accuracy of what is in time",
    },
    "pretrain": {"score": "mean of what a picture shows and what is where, probed"},
    "sparsify": {"delta": "% better than the dense network, mean over its tasks"},
    "urlb": {
        "worst": "share of steps in the goal, at the worse noise",
        "expert": "share of the expert's return, mean over tasks",
        "share": "return over the steps of an episode, mean over tasks",
        "noisy": "share of the largest or the expert's return, under noise",
    },
    "videoglance": {"accuracy": "share of right answers, mean over the budgets"},
}
"""By family and metric. A field of the card would change the hash of the code of every result."""


def meaning(protocol: Protocol) -> str:
    """What a protocol's score is; empty for a family of a plug-in, which is not known here."""
    family = protocol.task.partition("/")[0]
    return MEANINGS.get(family, {}).get(protocol.metric.name, "")
