"""Small networks as data: their layers, parameters and multiply-adds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from leapbench.errors import UserError


@dataclass(frozen=True)
class Shape:
    """A network of linear layers with ReLU between them.

    With several patches the first layer is a convolution: the input is cut into equal parts,
    which share its weights, and what comes of them stands side by side in the second layer.

    Attributes:
        inputs: numbers that come in; those of one patch stand together.
        patches: parts that the first layer sees one at a time; 1 for all at once.
        hidden: units of each hidden layer, of the first one a patch; none for a linear map.
        outputs: numbers that go out.

    Raises:
        UserError: for patches that do not divide the input, or a layer without units.
    """

    inputs: int
    patches: int
    hidden: tuple[int, ...]
    outputs: int

    def __post_init__(self) -> None:
        if min(self.inputs, self.patches, self.outputs, *self.hidden, 1) < 1:
            raise UserError("Every layer of a network needs at least one unit.")
        if self.inputs % self.patches:
            raise UserError(f"{self.patches} patches do not divide {self.inputs} inputs.")
        if self.patches > 1 and not self.hidden:
            raise UserError("A network of several patches needs a hidden layer.")

    @cached_property
    def layers(self) -> tuple[tuple[int, int], ...]:
        """Inputs and outputs of each layer, those of the first for one patch."""
        first = self.inputs // self.patches
        if not self.hidden:
            return ((first, self.outputs),)
        joined = self.hidden[0] * self.patches
        widths = (joined, *self.hidden[1:], self.outputs)
        return ((first, self.hidden[0]), *pairwise(widths))

    @cached_property
    def parameters(self) -> int:
        """Weights and biases."""
        return sum(a * b + b for a, b in self.layers)

    @cached_property
    def multiply_adds(self) -> int:
        """Multiply-adds of one input: as many as weights, the first layer's once a patch."""
        (a, b), *rest = self.layers
        return self.patches * a * b + sum(c * d for c, d in rest)

    @property
    def features(self) -> int:
        """Numbers that the last layer sees."""
        return self.layers[-1][0]
