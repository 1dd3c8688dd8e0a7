"""How a guest can fail; each is the agent's doing and becomes the status of its result."""

from __future__ import annotations

from leapbench.errors import AgentError, DeadlineExceeded


class GuestError(AgentError):
    """What went wrong in a guest, told whole: type and place are the guest's own."""


class GuestFailed(GuestError):
    """The agent raised, exited or was killed."""


class GuestAnswer(GuestError):
    """The agent's process sent what no agent should send."""

    status = "invalid"


class GuestLate(GuestError, DeadlineExceeded):
    """The agent used up its seconds."""

    status = "timeout"


def plain(text: object, limit: int = 500) -> str:
    """`text` from a guest as one printable line of at most `limit` characters."""
    line = " ".join(str(text)[: 4 * limit].split())
    kept = "".join(c if c.isprintable() else "?" for c in line)
    return kept if len(kept) <= limit else f"{kept[: limit - 1]}…"


def ending(text: str, limit: int = 300) -> str:
    """The last `limit` characters of `text` from a guest, as one printable line."""
    line = plain(text[-limit:], 2 * limit)
    return f"…{line}" if len(text) > limit else line


def seconds(value: float) -> str:
    """`value` as "2 s" or "0.5 s"."""
    return f"{value:g} s"


def size(value: int) -> str:
    """`value` bytes as "8 GiB", "1.5 MiB" or "100 bytes"."""
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if value >= factor:
            return f"{value / factor:.3g} {unit}"
    return f"{value} bytes"
