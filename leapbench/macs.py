"""Multiply-adds and parameters of multi-exit networks, measured by the suite.

What is measured is a forward pass of the network itself, never what it says
about itself. A multi-exit network is any `torch.nn.Module` whose forward pass
returns a list of logits, one tensor (1, classes) an exit, each the output of
one of its modules, in the order in which they are computed.

The cost of exit k is everything executed until the logits of exit k exist,
earlier heads included ("without lazy evaluation", as both MSDNet and L2W-DEN
report it). A network that runs its whole backbone before its first head is
therefore charged the whole backbone at its first exit.

Every call of a counted module is compared with PyTorch's own operator counter, and what
that finds between the calls, such as products of matrices and attention, is refused. So
are products that it does not know, such as those with vectors, and complex and sparse
tensors.

Elementwise products and quotients, powers, norms, and activations that scale a value by
another (GELU, SiLU, ...) cost one multiply-add per value, as they do in a graph
(`leapbench.graphs.count`): a product of matrices that is written as products of numbers
costs what it would have cost as one. Normalisation, interpolation, other activations,
pools and sums are free, as the conventions have it.

Two conventions (multiply-adds, batch of one image):

    conv+linear   k_h * k_w * C_in / groups per output value of a convolution, C_in per
                  output of a linear layer, one per elementwise product; else free.
    released      as `models/op_counter.py` of L2W-DEN: the above, one per bias
                  addition of a linear layer, one per ReLU value, k_h * k_w per
                  output of a pool and one per input value of an adaptive pool.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from math import prod
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from leapbench.errors import UserError, unknown
from leapbench.operators import HINT, Operators

Convention = Literal["conv+linear", "released"]
Cost = Callable[[nn.Module, Any, Any], int]

_MULTIPLYING = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
_NORMALISING = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.GroupNorm, nn.LayerNorm)


def count(
    network: nn.Module,
    image: tuple[int, int, int] = (3, 32, 32),
    convention: Convention = "conv+linear",
) -> list[int]:
    """Cumulative multiply-adds per image of every exit.

    Args:
        network: multi-exit network, on any device ("meta" too); it is run once
            in evaluation mode and left as it was found.
        image: input size as (channels, height, width), pixels.
        convention: what is counted; see the module's documentation.

    Returns:
        One integer an exit, in multiply-adds, each including those before it.

    Raises:
        UserError: when the convention is unknown, the network does not accept
            the image or does not return its exits in order, or anything in it
            multiplies by parameters or activations and cannot be counted.
    """
    if convention not in _COSTS:
        raise unknown("convention", convention, _COSTS)
    return _Measurement(network, _COSTS[convention], elementwise=1).run(image)


def parameters(network: nn.Module, image: tuple[int, int, int] = (3, 32, 32)) -> list[int]:
    """Cumulative number of parameters that every exit needs.

    Parameters shared between modules count once, at their first use;
    parameters that no exit uses are not counted.

    Args:
        network: multi-exit network, as for `count`.
        image: input size as (channels, height, width), pixels.

    Returns:
        One integer an exit, each including those before it.

    Raises:
        UserError: as `count`.
    """
    used: set[int] = set()

    def fresh(module: nn.Module, inputs: Any, output: Any) -> int:
        new = [p for p in module.parameters(recurse=False) if id(p) not in used]
        used.update(map(id, new))
        return sum(p.numel() for p in new)

    return _Measurement(network, fresh, elementwise=0).run(image)


def _products(module: nn.Module, inputs: Any, output: Any) -> int:
    # weight[0] holds what one output value is multiplied from, per group.
    if not isinstance(module, _MULTIPLYING):
        return 0
    return int(module.weight[0].numel() * output.numel())


def _released(module: nn.Module, inputs: Any, output: Any) -> int:
    match module:
        case nn.ReLU():
            return int(output.numel())
        case nn.AvgPool2d() | nn.MaxPool2d():
            size = module.kernel_size
            return int(output.numel()) * (size**2 if isinstance(size, int) else prod(size))
        case nn.AdaptiveAvgPool2d():
            return int(inputs[0].numel())
        case nn.Linear() if module.bias is not None:
            return _products(module, inputs, output) + int(output.numel())
    return _products(module, inputs, output)


_COSTS: dict[str, Cost] = {"conv+linear": _products, "released": _released}


class _Measurement:
    """One forward pass under forward hooks, with a running total of a cost.

    Args:
        network: the network to measure.
        cost: cost of one call of one module, from its inputs and its output.
        elementwise: cost of one product of two values outside of those modules.
    """

    def __init__(self, network: nn.Module, cost: Cost, elementwise: int) -> None:
        self.network, self.cost, self.elementwise = network, cost, elementwise
        self.total = self.products = 0
        self.operators, self.single = FlopCounterMode(display=False), Operators(self.name)
        # The tensors are kept so that no two of them can share an id.
        self.produced: dict[int, tuple[int, Tensor]] = {}

    def run(self, image: tuple[int, int, int]) -> list[int]:
        """Measure one image of size `image`; the total at each exit."""
        _refuse_uncountable(self.network)
        with _evaluation(self.network), ExitStack() as hooks, torch.no_grad():
            for module in self.network.modules():
                if isinstance(module, _MULTIPLYING):
                    hooks.enter_context(module.register_forward_pre_hook(self._begin))
                hooks.enter_context(module.register_forward_hook(self._add))
            # The fused attention kernels are not in the operator counter's table.
            with sdpa_kernel(SDPBackend.MATH), self.operators, self.single:
                exits = self._forward(image)
        self._compare(0)
        return self._totals(exits)

    @property
    def name(self) -> str:
        """Class of the network."""
        return type(self.network).__name__

    def _begin(self, module: nn.Module, inputs: Any) -> None:
        self._compare(0)

    def _compare(self, expected: int) -> None:
        """Hold what was multiplied since the last comparison to what is known of it."""
        total = self.operators.get_total_flops() // 2
        missed, self.products = total - self.products - expected, total
        if missed:
            raise UserError(
                f"{missed} multiply-adds of {self.name} were not made by "
                "calling its convolutional and linear modules, which are all that is counted.",
                "Call nn.Conv*d and nn.Linear modules instead of functions or operators.",
            )

    def _add(self, module: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(module, _MULTIPLYING):
            self._compare(_products(module, inputs, output))
        self.total += self.cost(module, inputs, output)
        if isinstance(output, Tensor) and output.ndim == 2:
            total = self.total + self.elementwise * self.single.products
            self.produced.setdefault(id(output), (total, output))

    def _forward(self, image: tuple[int, int, int]) -> Any:
        like = next(self.network.parameters(), torch.empty(0))
        try:
            return self.network(torch.zeros(1, *image, dtype=like.dtype, device=like.device))
        except RuntimeError as error:
            raise UserError(
                f"{type(self.network).__name__} does not accept an image of size {image}: {error}"
            ) from error

    def _totals(self, exits: Any) -> list[int]:
        name, order = type(self.network).__name__, list(self.produced)
        if not isinstance(exits, list | tuple) or not exits:
            raise UserError(
                f"{name} must return a list of logits, one tensor (1, classes) an exit."
            )
        for k, logits in enumerate(exits):
            if id(logits) not in self.produced:
                raise UserError(f"Exit {k} of {name} is not the output (1, classes) of a module.")
        calls = [order.index(id(logits)) for logits in exits]
        if any(a >= b for a, b in pairwise(calls)):
            raise UserError(f"{name} must return its exits in the order of their computation.")
        return [self.produced[id(logits)][0] for logits in exits]


def _refuse_uncountable(network: nn.Module) -> None:
    """Refuse modules with parameters of their own whose cost is not known."""
    for name, module in network.named_modules():
        own = next(module.parameters(recurse=False), None)
        if own is not None and not isinstance(module, _MULTIPLYING + _NORMALISING):
            raise UserError(
                f"The multiply-adds of {name or 'the network'!r} ({type(module).__name__}) are "
                "not known, because it has parameters of its own.",
                HINT,
            )


@contextmanager
def _evaluation(network: nn.Module) -> Iterator[None]:
    """Evaluation mode inside; afterwards every module's own mode is back."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
