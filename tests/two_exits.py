"""Networks of two exits with a closed form, whose arithmetic tests add to."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn


def small(classes: int = 3) -> nn.Module:
    """A two-exit network with a closed form; 3x8x8 images."""
    return TwoExits(nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.Conv2d(4, 6, 3, 2, 1), classes)


class TwoExits(nn.Module):
    """Convolution, exit, convolution, exit."""

    def __init__(self, first: nn.Conv2d, second: nn.Conv2d, classes: int = 3) -> None:
        super().__init__()
        self.first = nn.Sequential(first, nn.BatchNorm2d(first.out_channels), nn.ReLU())
        self.second = second
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.5)
        self.heads = nn.ModuleList(
            nn.Linear(layer.out_channels, classes) for layer in (first, second)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.dropout(self.first(x))
        logits = [self.heads[0](self.pool(x).flatten(1))]
        logits.append(self.heads[1](self.pool(self.second(x)).flatten(1)))
        return logits


class Functional(nn.Module):
    """A network that hides arithmetic from its modules."""

    def __init__(self, hidden: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.inner, self.hidden = small(), hidden

    def forward(self, x: Tensor) -> list[Tensor]:
        return self.inner(self.hidden(x))  # type: ignore[no-any-return]
