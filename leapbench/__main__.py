"""`python -m leapbench` is the `leapbench` command."""

from __future__ import annotations

from leapbench.cli import main

if __name__ == "__main__":
    main()
