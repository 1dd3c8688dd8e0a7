"""Where the parts of a run learn: the processor, or a graphics card that torch finds."""

from __future__ import annotations

import os
import re

from leapbench.errors import UserError

AUTO, EVERY = "auto", "cuda:all"


def checked(text: str) -> str:
    """What was typed to `--device`, if this machine has it.

    Args:
        text: "auto", "cpu", "cuda", "cuda:N" or "cuda:all".

    Raises:
        UserError: for another text, or a card that is not there.
    """
    if text in (AUTO, "cpu"):
        return text
    match = re.fullmatch(r"cuda(?::(\d{1,3}|all))?", text)
    if not match:
        known = "Type auto, cpu, cuda, cuda:N or cuda:all."
        raise UserError(f"--device {text!r} is no device.", known)
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    first = 0 if match[1] in (None, "all") else int(match[1])
    if first >= count:
        found = f"{count} cards, cuda:0 to cuda:{count - 1}" if count else "no Nvidia card"
        raise UserError(f"--device {text}: torch finds {found}.", "Type --device cpu, or leave it.")
    return text


def resolved(text: str) -> str:
    """The device as torch names it: for "auto" the first card, if there is one, else the CPU.

    Args:
        text: "auto", "cpu", "cuda", "cuda:N", or "cuda:all", of which it is the first.
    """
    import torch

    if text == AUTO:
        text = "cuda" if torch.cuda.is_available() else "cpu"
    text = "cuda:0" if text == EVERY else text
    if text.startswith("cuda"):
        # One card adds up in one order only where it is asked to.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
    return text


def cards(text: str) -> int:
    """Cards that `--device` gives to a part that can share its batches among them."""
    if text != EVERY:
        return 1
    import torch

    return torch.cuda.device_count()


def described(device: str) -> dict[str, str]:
    """What the provenance of a result says of a device, as torch names it."""
    if not device.startswith("cuda"):
        return {"device": device}
    import torch

    return {"device": device, "card": torch.cuda.get_device_name(device)}
