"""The multiply-add counter against published code, closed forms and evasions."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional
from two_exits import Functional, TwoExits, small

from leapbench.agents.earlyexit.msdnet import network as msdnet
from leapbench.agents.earlyexit.ranet import network as ranet
from leapbench.errors import UserError
from leapbench.macs import count, parameters

# (config, conv+linear, released, parameters), all cumulative per exit, made by running
# models/msdnet.py and models/op_counter.py of LeapLabTHU/L2W-DEN @c49d575 and
# models/RANet.py of yangle15/RANet-pytorch @be0f25a. "released" and "parameters" are that
# counter's own figures; "conv+linear" is it without ReLU, pooling and biases.
Row = tuple[list[int], list[int], list[int]]
GOLDEN: dict[str, tuple[Callable[[], nn.Module], Row]] = {
    "msdnet cifar100 lin_grow 5": (
        lambda: msdnet.MSDNet(msdnet.cifar(100, 5)),
        (
            [6792704, 14209024, 27278848, 41373696, 58087936],
            [6859876, 14350024, 27536684, 41714576, 58480628],
            [299704, 649740, 1018308, 1492424, 2078924],
        ),
    ),
    "msdnet cifar100 lin_grow 6": (
        lambda: msdnet.MSDNet(msdnet.cifar(100, 6)),
        (
            [6792704, 14209024, 27041280, 46184448, 66947584, 88562688],
            [6859876, 14350024, 27291436, 46560656, 67427060, 89091416],
            [299704, 649740, 1111388, 1606136, 2109476, 2852392],
        ),
    ),
    "msdnet cifar100 lin_grow 7": (
        lambda: msdnet.MSDNet(msdnet.cifar(100, 7)),
        (
            [6792704, 14209024, 27041280, 48054272, 75900416, 108191744, 136565248],
            [6859876, 14350024, 27291436, 48448912, 76432628, 108850520, 137280956],
            [299704, 649740, 1111388, 1727200, 2384968, 3052244, 3966664],
        ),
    ),
    "msdnet cifar100 even": (
        lambda: msdnet.MSDNet(msdnet.cifar(100, 7, "even")),
        (
            [14967296, 25259008, 36780544, 45972480, 56933888, 66529280, 75487744],
            [15140452, 25505992, 37095980, 46331024, 57335540, 66960728, 75937724],
            [433876, 876792, 1274952, 1695548, 2178352, 2603252, 3067960],
        ),
    ),
    "ranet cifar100 lg": (
        lambda: ranet.RANet(ranet.cifar(100)),
        (
            [8327680, 21709824, 32730432, 41400128, 52982400, 58676864],
            [8372324, 21788360, 32878892, 41570192, 53283828, 58990680],
            [358660, 899880, 1304995, 1800711, 2188193, 2617261],
        ),
    ),
    "ranet cifar100 even": (
        lambda: ranet.RANet(ranet.cifar(100, "even")),
        (
            [15749632, 31196160, 44496768, 50198912, 60372544, 63371328, 89603200, 94339200],
            [15826020, 31306440, 44690220, 50404752, 60712628, 63717656, 90255228, 94997472],
            [482052, 1097000, 1511586, 1914854, 2223662, 2523154, 2952906, 3354710],
        ),
    ),
    "msdnet cifar10 lin_grow 7": (
        lambda: msdnet.MSDNet(msdnet.cifar(10, 7)),
        (
            [6781184, 14185984, 27006720, 48008192, 75842816, 108122624, 136484608],
            [6848266, 14326804, 27256606, 48402472, 76374578, 108780860, 137199686],
            [288094, 626520, 1076558, 1680760, 2326918, 2982584, 3885394],
        ),
    ),
    "ranet cifar10 lg": (
        lambda: ranet.RANet(ranet.cifar(10)),
        (
            [8316160, 21686784, 32695872, 41354048, 52924800, 58607744],
            [8360714, 21765140, 32844062, 41523752, 53225778, 58921020],
            [347050, 876660, 1270165, 1754271, 2130143, 2547601],
        ),
    ),
    "msdnet imagenet 4": (
        lambda: msdnet.MSDNet(msdnet.imagenet(4)),
        (
            [337214464, 681654272, 1003659008, 1249626240, 1355606016],
            [339902824, 685456720, 1008156120, 1254472688, 1360529624],
            [4238504, 8772240, 13073272, 16748416, 23958440],
        ),
    ),
    "msdnet imagenet 6": (
        lambda: msdnet.MSDNet(msdnet.imagenet(6)),
        (
            [511324160, 1166144768, 1838349440, 2494631424, 2735131968],
            [514661608, 1171181872, 1844515080, 2501402480, 2742059056],
            [7076712, 15689808, 24014008, 42187744, 56529304],
        ),
    ),
    "msdnet imagenet 7": (
        lambda: msdnet.MSDNet(msdnet.imagenet(7)),
        (
            [612030976, 1430810112, 2276388096, 2959942016, 3246180864],
            [615692968, 1436392016, 2283210200, 2967421456, 3253794488],
            [8759240, 20154896, 31730040, 41860288, 62314472],
        ),
    ),
    "ranet imagenet 32": (
        lambda: ranet.RANet(ranet.imagenet(32)),
        (
            [
                244966400,
                629504000,
                858402856,
                1039083784,
                1866360676,
                2156825764,
                2728623199,
                2822624635,
            ],
            [
                246472360,
                631164048,
                860403190,
                1041144878,
                1869847124,
                2160379452,
                2734279235,
                2828311039,
            ],
            [9916712, 37916432, 48345820, 65121348, 85601768, 113060656, 121474513, 131123991],
        ),
    ),
}


class Changed(nn.Module):
    """`small` with its outputs changed by a function."""

    def __init__(self, change: Callable[[list[Tensor]], object]) -> None:
        super().__init__()
        self.inner, self.change, self.last = small(), change, nn.Identity()

    def forward(self, x: Tensor) -> object:
        return self.change([self.last(z) for z in self.inner(x)])


class Scale(nn.Module):
    """A layer with a parameter of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


QUICK = ("msdnet cifar100 lin_grow 5", "ranet cifar100 even")
"""One of each architecture; the other rows of the table take minutes."""


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[] if n in QUICK else [pytest.mark.slow]) for n in GOLDEN],
)
def test_published_networks_have_the_published_counts(name: str) -> None:
    make, (plain, released, size) = GOLDEN[name]
    large = "imagenet" in name
    with torch.device("meta" if large else "cpu"):
        network = make()
    image = (3, 224, 224) if large else (3, 32, 32)
    assert count(network, image) == plain
    assert count(network, image, "released") == released
    assert parameters(network, image) == size
    assert size[-1] == sum(p.numel() for p in network.parameters())


def test_closed_form_of_two_exits() -> None:
    network, image = small(classes=5), (3, 8, 8)
    first = 3 * 9 * 4 * 64 + 4 * 5
    second = first + 4 * 9 * 6 * 16 + 6 * 5
    assert count(network, image) == [first, second]
    # plus ReLU and pool inputs and linear biases; the convolution's bias is free
    released = first + 4 * 64 + 4 * 64 + 5
    assert count(network, image, "released") == [
        released,
        released + second - first + 6 * 16 + 5,
    ]
    sizes = 3 * 9 * 4 + 2 * 4 + 4 * 5 + 5
    assert parameters(network, image) == [sizes, sizes + 4 * 9 * 6 + 6 + 6 * 5 + 5]


@given(
    groups=st.sampled_from([1, 2, 4]),
    dilation=st.integers(1, 2),
    kernel=st.sampled_from([1, 3, (3, 1)]),
    stride=st.integers(1, 2),
    bias=st.booleans(),
)
@settings(max_examples=30, deadline=None)
def test_a_grouped_convolution_costs_a_groups_th(
    groups: int, dilation: int, kernel: int | tuple[int, int], stride: int, bias: bool
) -> None:
    def second(groups: int) -> int:
        layer = nn.Conv2d(4, 8, kernel, stride, 1, dilation, groups=groups, bias=bias)
        network = TwoExits(nn.Conv2d(3, 4, 3, padding=1), layer)
        costs = count(network, (3, 9, 7))
        return costs[1] - costs[0] - 8 * 3

    assert second(groups) * groups == second(1)


@given(height=st.integers(4, 20), width=st.integers(4, 20))
@settings(max_examples=20, deadline=None)
def test_costs_rise_with_exits_and_do_not_depend_on_earlier_calls(height: int, width: int) -> None:
    image = (3, height, width)
    first, other = small(), small(classes=9)
    before = count(first, image)
    assert len(count(other, image)) == len(first(torch.zeros(2, *image))) == 2
    assert count(first, image) == before
    assert 0 < before[0] < before[1]


def test_the_network_is_left_as_it_was() -> None:
    network = small().train()
    network.first[1].eval()
    modes = [module.training for module in network.modules()]
    state = {key: value.clone() for key, value in network.state_dict().items()}
    generator = torch.get_rng_state()
    count(network, (3, 8, 8))
    parameters(network, (3, 8, 8))
    with pytest.raises(UserError):
        count(network, (2, 8, 8))
    assert [module.training for module in network.modules()] == modes
    assert all(not module._forward_hooks for module in network.modules())
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in network.parameters())
    assert torch.equal(torch.get_rng_state(), generator)


def test_logits_may_pass_through_modules_that_do_nothing() -> None:
    assert count(Changed(lambda z: z), (3, 8, 8)) == count(small(), (3, 8, 8))
    assert count(Changed(tuple), (3, 8, 8)) == count(small(), (3, 8, 8))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_precision_does_not_change_the_count(dtype: torch.dtype) -> None:
    assert count(small().to(dtype), (3, 8, 8)) == count(small(), (3, 8, 8))


def test_shared_parameters_count_once() -> None:
    network = TwoExits(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1))
    apart = parameters(network, (3, 4, 4))
    network.heads[1].weight = network.heads[0].weight
    assert parameters(network, (3, 4, 4)) == [apart[0], apart[1] - 4 * 3]
    network.heads[1] = network.heads[0]
    assert parameters(network, (3, 4, 4)) == [apart[0], apart[1] - 4 * 3 - 3]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda z: z[::-1], "in the order"),
        (lambda z: [z[0], z[0]], "in the order"),
        (lambda z: z[0], "must return a list"),
        (lambda z: [], "must return a list"),
        (lambda z: [z[0], z[1].softmax(1)], "Exit 1 of Changed is not the output"),
        (lambda z: [z[0], None], "Exit 1 of Changed is not the output"),
    ],
)
def test_outputs_that_are_no_ordered_exits(change: Callable[..., object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        count(Changed(change), (3, 8, 8))


WEIGHT = torch.ones(3, 3, 1, 1)


@pytest.mark.parametrize(
    ("hidden", "missed"),
    [
        (lambda x: functional.conv2d(x, WEIGHT), 9 * 64),
        (lambda x: x @ torch.eye(8), 3 * 8 * 64),
        (lambda x: torch.einsum("bchw,cd->bdhw", x, torch.eye(3)), 9 * 64),
        (lambda x: functional.scaled_dot_product_attention(x, x, x), 2 * 3 * 8 * 64),
    ],
    ids=["conv2d", "matmul", "einsum", "attention"],
)
def test_arithmetic_outside_modules_is_refused(
    hidden: Callable[[Tensor], Tensor], missed: int
) -> None:
    with pytest.raises(UserError, match=f"^{missed} multiply-adds"):
        count(Functional(hidden), (3, 8, 8))


@pytest.mark.parametrize("module", [Scale(), nn.PReLU(), nn.ConvTranspose2d(3, 3, 1)])
def test_unknown_modules_with_parameters_are_named(module: nn.Module) -> None:
    network = Functional(nn.Sequential(nn.Identity(), module))
    for measure in (count, parameters):
        with pytest.raises(UserError, match=rf"'hidden\.1' \({type(module).__name__}\)"):
            measure(network, (3, 8, 8))


class Lazy(nn.Conv2d):
    """A convolution that leaves half of its work out."""

    def forward(self, x: Tensor) -> Tensor:
        half = functional.conv2d(x, self.weight[:2], padding=1)
        return torch.cat((half, half), 1)


def test_two_errors_that_cancel_are_two_errors() -> None:
    lazy = Lazy(3, 4, 3, padding=1, bias=False)
    extra = nn.Conv2d(3, 2, 3, padding=1, bias=False).weight

    def hidden(x: Tensor) -> Tensor:
        return functional.conv2d(x, extra, padding=1)[:, :1] + lazy(x)[:, :3]

    network = Functional(hidden)
    network.lazy = lazy
    with pytest.raises(UserError, match="multiply-adds of Functional were not made by"):
        count(network, (3, 8, 8))


def test_unknown_convention_is_told() -> None:
    with pytest.raises(UserError, match="Did you mean 'released'"):
        count(small(), (3, 8, 8), "release")  # type: ignore[arg-type]
