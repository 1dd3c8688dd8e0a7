"""Torch on one thread, which adds up in one order whatever the number of cores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch's operators inside run on one thread; afterwards the number is as before."""
    import torch  # not at import: worlds without networks do without

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
