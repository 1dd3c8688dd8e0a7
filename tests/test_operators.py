"""Products outside of modules: what they cost, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from two_exits import Functional, small

from leapbench.errors import UserError
from leapbench.macs import count, parameters

FORMS, GRID = torch.ones(2, 8, 8), torch.zeros(1, 8, 8, 2)
MATRICES = "use_mm_for_euclid_dist"


class Gated(nn.Module):
    """`small` with a gate between its exits."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = small()

    def forward(self, x: Tensor) -> list[Tensor]:
        inner = self.inner
        x = inner.first(x)
        first = inner.heads[0](inner.pool(x).flatten(1))
        return [first, inner.heads[1](inner.pool(inner.second(x * x.sigmoid())).flatten(1))]


def attention(x: Tensor) -> Tensor:
    """Attention between the channels, by hand: 3 x 3 weights, each from 64 products."""
    q = x.flatten(2)
    weights = (q[:, :, None] * q[:, None]).sum(3).softmax(2)
    return (weights[..., None] * q[:, None]).sum(2).view_as(x)


ONE = 3 * 8 * 8  # values of an image
COUNTED: dict[str, tuple[Callable[[Tensor], Tensor], int]] = {
    "product": (lambda x: x * x, ONE),
    "sum of products": (lambda x: x + (x * x).sum(), ONE),
    "in place": (lambda x: x.clone().mul_(x), ONE),
    "scaled": (lambda x: x * 0.5, ONE),
    "quotient": (lambda x: x / (1 + x), ONE),
    "by way of squares": (lambda x: ((x + 1) ** 2 - (x - 1) ** 2) / 4, 3 * ONE),
    "by way of a variance": (lambda x: x + x.var(), ONE),
    "addcmul": (lambda x: torch.addcmul(x, x, x), ONE),
    "lerp": (lambda x: torch.lerp(x, x, x), ONE),
    "attention": (attention, 2 * 9 * 64),
    "convolution": (
        lambda x: x + (functional.unfold(x, 3, padding=1) * torch.ones(27, 1)).sum(),
        27 * 64,
    ),
    "matrix": (lambda x: x + (x[..., None] * torch.eye(8)).sum(3), 8 * ONE),
    "outer": (lambda x: x + torch.outer(x.flatten(), x.flatten()).sum(), ONE**2),
    "vecdot": (lambda x: x + torch.linalg.vecdot(x, x).sum(), ONE),
    "norm": (lambda x: x + x.norm(), ONE),
    "excitation": (lambda x: x * x.mean((2, 3), keepdim=True).sigmoid(), ONE),
    "silu": (functional.silu, ONE),
    "relu": (functional.relu, 0),
    "normalised": (lambda x: functional.layer_norm(x, (8, 8)), 0),
    "interpolated": (lambda x: functional.interpolate(x, (8, 8), mode="bilinear"), 0),
}


@pytest.mark.parametrize("name", COUNTED)
def test_products_of_numbers_cost_one_each(name: str) -> None:
    hidden, products = COUNTED[name]
    network, image = Functional(hidden), (3, 8, 8)
    assert count(network, image) == [cost + products for cost in count(small(), image)]
    assert parameters(network, image) == parameters(small(), image)


def test_products_are_counted_where_they_are_made() -> None:
    """Between two exits they are the later one's."""
    network, image = Gated(), (3, 8, 8)
    plain, scaled = count(network.inner, image), count(network, image)
    assert [b - a for a, b in zip(plain, scaled, strict=True)] == [0, 4 * 64]


@pytest.mark.parametrize(
    ("hidden", "operator"),
    [
        (lambda x: x + torch.mv(x.flatten(2)[0], torch.ones(64)).sum(), "mv"),
        (lambda x: x + torch.dot(x.flatten(), x.flatten()), "dot"),
        (lambda x: x + torch.vdot(x.flatten(), x.flatten()), "dot"),
        (lambda x: x + torch.addmv(x[0, 0, 0], x[0, 0], x[0, 0, 0]), "mv"),
        (lambda x: x + torch.addr(x[0, 0], x[0, 0, 0], x[0, 0, 0]), "addr"),
        (lambda x: x + torch.cdist(x, x).sum(), "_cdist_forward"),
        (lambda x: x + torch.cdist(x, x, compute_mode=MATRICES).sum(), "_euclidean_dist"),
        (lambda x: x + torch.pdist(x[0, 0]).sum(), "_pdist_forward"),
        (lambda x: x + torch.fft.fft2(x).real, "complex"),
        (lambda x: x + torch.fft.rfft2(x).abs().sum(), "_fft_r2c"),
        (lambda x: x + torch.linalg.inv_ex(x + torch.eye(8))[0], "linalg_inv_ex"),
        (lambda x: torch.linalg.solve(x + torch.eye(8), x), "_linalg_solve_ex"),
        (lambda x: x + torch.linalg.lstsq(x[0, 0] + torch.eye(8), x[0, 0])[0], "linalg_lstsq"),
        (lambda x: x + torch.linalg.pinv(x), "linalg_pinv"),
        (lambda x: x + torch.linalg.svd(x)[1].sum(), "_linalg_svd"),
        (lambda x: x + torch.linalg.cholesky(x + torch.eye(8)), "linalg_cholesky"),
        (lambda x: x + torch.linalg.cross(x[..., :3], x[..., :3]).sum(), "linalg_cross"),
        (lambda x: x + torch.linalg.matrix_power(x, 2), "1536 multiply-adds"),
        (lambda x: x + torch.matrix_exp(x), "linalg_matrix_exp"),
        (lambda x: x + torch.bmm(x[0], x[0]), "1536 multiply-adds"),
        (lambda x: x + functional.bilinear(x[0, 0], x[0, 0], FORMS).sum(), "_trilinear"),
        (lambda x: x + (torch.complex(x, x) * torch.complex(x, x)).real, "complex"),
        (lambda x: x + (torch.complex(x, x) @ torch.complex(x, x)).real, "complex"),
        (lambda x: x + torch.sparse.mm(torch.eye(8).to_sparse(), x[0, 0]), "sparse"),
        (lambda x: torch._foreach_mul([x], [x])[0], "_foreach_mul"),
        (lambda x: functional.grid_sample(x, GRID, align_corners=False), "grid_sampler_2d"),
        (lambda x: x + functional.conv_tbc(x[0], FORMS[:1], torch.zeros(8)).sum(), "conv_tbc"),
        (lambda x: x + torch.cumprod(x, 1), "cumprod"),
        (lambda x: x + torch.prod(x), "prod"),
        (lambda x: x + x[0, 0] @ x[0, 0, 0], "mv"),
        (lambda x: x + torch.einsum("bchw,bchw->", x, x), "multiply-adds"),
        (lambda x: x + torch.tensordot(x, x, 4), "dot"),
    ],
)
def test_products_that_are_not_known_are_refused(
    hidden: Callable[[Tensor], Tensor], operator: str
) -> None:
    with pytest.raises(UserError, match=operator):
        count(Functional(hidden), (3, 8, 8))
