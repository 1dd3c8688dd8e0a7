"""What a protocol's score measures, in a few words with their units, as its task's card says."""

from __future__ import annotations

from leapbench.contract import registry
from leapbench.contract.task import Protocol
from leapbench.errors import UserError


def meaning(protocol: Protocol) -> str:
    """What a protocol's score is; empty where its card does not say, or is not known here."""
    try:
        card = registry.task(protocol.task).card
    except UserError:
        return ""
    return card.meanings.get(protocol.metric.name, "")
