"""Where the parts of a run learn: the processor, or a graphics card that torch finds."""

from __future__ import annotations

import os
import re

from leapbench.errors import UserError

AUTO = "auto"


def checked(text: str) -> str:
    """What was typed to `--device`, if this machine has it.

    Args:
        text: "auto", "cpu", "cuda" or "cuda:N".

    Raises:
        UserError: for another text, or a card that is not there.
    """
    if text in (AUTO, "cpu"):
        return text
    match = re.fullmatch(r"cuda(?::(\d{1,3}))?", text)
    if not match:
        raise UserError(f"--device {text!r} is no device.", "Type auto, cpu, cuda or cuda:N.")
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if int(match[1] or 0) >= count:
        found = f"{count} cards, cuda:0 to cuda:{count - 1}" if count else "no Nvidia card"
        raise UserError(f"--device {text}: torch finds {found}.", "Type --device cpu, or leave it.")
    return text


def resolved(text: str) -> str:
    """The device as torch names it: for "auto" the first card, if there is one, else the CPU.

    Args:
        text: "auto", "cpu", "cuda" or "cuda:N".
    """
    import torch

    if text == AUTO:
        text = "cuda" if torch.cuda.is_available() else "cpu"
    if text.startswith("cuda"):
        # One card adds up in one order only where it is asked to.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
    return text


def described(device: str) -> dict[str, str]:
    """What the provenance of a result says of a device, as torch names it."""
    if not device.startswith("cuda"):
        return {"device": device}
    import torch

    return {"device": device, "card": torch.cuda.get_device_name(device)}
