"""The gauge of a budget in pictures: what is left, and where even spending would be."""

from __future__ import annotations

from leapbench.envs.canvas import INK, MARGIN, MUTED, TRACK, WIDTH, WRONG, Canvas


def gauge(
    canvas: Canvas,
    y: float,
    title: str,
    told: str,
    left: float,
    even: float,
    height: int = 14,
    mark: int = 78,
) -> None:
    """Draw a bar over the width of the picture.

    Args:
        canvas: to draw on.
        y: upper edge of the bar; words stand above it.
        title: at the left.
        told: at the right.
        left: share of the budget that is left, in [0, 1].
        even: the share that would be left if it had been spent evenly.
        height: of the bar, pixels.
        mark: where the words for the mark begin, pixels behind the title.
    """
    full, half = WIDTH - 2 * MARGIN, height // 2
    canvas.text(MARGIN, y - 8, title, 12)
    canvas.text(WIDTH - MARGIN, y - 8, told, 12, MUTED, "rs")
    canvas.box((MARGIN, y, WIDTH - MARGIN, y + height), TRACK, radius=half)
    filled = full * left
    canvas.box((MARGIN, y, MARGIN + filled, y + height), INK, radius=min(half, filled / 2))
    at = MARGIN + full * even
    canvas.line([(at, y - 3), (at, y + height + 3)], WRONG, 2)
    canvas.box((MARGIN + mark, y - 19, MARGIN + mark + 2, y - 6), WRONG)
    canvas.text(MARGIN + mark + 8, y - 8, "if spent evenly", 12, MUTED)


def amount(multiply_adds: float) -> str:
    """Multiply-adds in a few characters; a unit may follow."""
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if multiply_adds >= size:
            return f"{multiply_adds / size:.3g} {unit}"
    return f"{multiply_adds:.0f} "
