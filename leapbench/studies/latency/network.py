"""Makes the small network of the worlds: `python -m leapbench.studies.latency.network`.

About one CPU-minute. The same machine gives the same file.
"""

from __future__ import annotations

from leapbench.agents.latency.lasnet.policy import LASNet
from leapbench.envs.latency import packaged
from leapbench.studies.latency import lessons

MASKS = 9600
"""Samples that masks are learned from."""


def main() -> None:
    """Train densely, learn masks, write `envs/latency/packaged/needle.safetensors`."""
    train, held = lessons.images()
    policy = lessons.masked(LASNet(), lessons.dense(train), train, held, MASKS)
    assert policy.network is not None and policy.knobs is not None  # noqa: S101, PT018
    packaged.keep(policy.network, packaged.FOLDER / "needle.safetensors")
    print(f"\nheld-out accuracy {policy.knobs.accuracy.round(3).tolist()}")  # noqa: T201


if __name__ == "__main__":
    main()
