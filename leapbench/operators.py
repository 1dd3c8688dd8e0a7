"""Operators of PyTorch that multiply outside of modules: those counted and those refused.

`leapbench.macs` measures by them, beside PyTorch's own counter of convolutions and products
of matrices. They are looked for by name below every Python function, so that `einsum`,
`F.bilinear` or an attention by hand are seen as what they come to.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from leapbench.errors import UserError

HINT = "Build it from nn.Conv*d, nn.Linear and normalisation modules."
UNKNOWN = {"mv", "addmv", "dot", "vdot", "inner", "outer", "ger", "addr", "kron", "tensordot"}
UNKNOWN |= {"cross", "_trilinear", "bilinear", "lstm", "gru", "matrix_exp", "cumprod", "prod"}
UNKNOWN |= {"_cdist_forward", "_pdist_forward", "_euclidean_dist", "conv_tbc", "_sparse_mm"}
UNKNOWN |= {"geqrf", "ormqr", "triangular_solve", "lu_solve", "polar", "grid_sampler_2d"}
UNKNOWN |= {"grid_sampler_3d", "_embedding_bag", "_embedding_bag_forward_only", "_int_mm"}
FAMILIES = ("linalg_", "_linalg_", "_fft_", "cholesky", "mkldnn_", "quantized_", "_foreach_")
"""Operators, and beginnings of names of operators, that multiply values with each other and
that PyTorch's counter leaves out."""
ELEMENTWISE = {"mul", "div", "addcmul", "addcdiv", "lerp", "xlogy", "pow", "gelu", "silu"}
ELEMENTWISE |= {"hardswish", "mish", "_prelu_kernel", "hypot", "norm", "linalg_vector_norm"}
ELEMENTWISE |= {"dist", "var", "std", "var_mean", "std_mean", "mse_loss"}
"""Operators of one product per value: of the result, or of what they sum up."""


class Operators(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts elementwise products inside, and refuses what multiplies and is not counted.

    Args:
        name: of the network.

    Attributes:
        products: how many there were so far.
    """

    def __init__(self, name: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.name, self.products = name, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        operator = func.overloadpacket.__name__.rstrip("_")
        single = operator in ELEMENTWISE
        if not single and (operator in UNKNOWN or operator.startswith(FAMILIES)):
            self._refuse(f"calls {operator}, whose multiply-adds are not known")
        made = func(*args, **(kwargs or {}))
        tensors = [each for each in tree_leaves((args, made)) if isinstance(each, Tensor)]
        if any(each.is_complex() or each.layout is not torch.strided for each in tensors):
            self._refuse("has complex or sparse tensors, whose multiply-adds are not known")
        if single:
            self.products += max(t.numel() for t in tensors)
        return made

    def _refuse(self, why: str) -> None:
        raise UserError(f"{self.name} {why}.", HINT)
