"""The distillation loss and mixtures of teachers, as printed and as released.

Printed (arXiv 2210.06458): a H(Y, P_S) + (1 - a) H(P_T^t, P_S^t), without the factor t^2, and
an ensemble averages softened probabilities. Released (LeapLabTHU/CheckpointKD, `student.py`):
a H(Y, P_S) + (1 - a) t^2 KL(P_T^t || P_S^t), and an ensemble averages logits. KL and cross
entropy differ by the teacher's entropy alone, which has no gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from leapbench.errors import unknown

Form = Literal["printed", "released"]
FORMS: tuple[Form, ...] = ("printed", "released")


def known(form: str) -> Form:
    """A form of the loss by its name.

    Raises:
        UserError: when there is none of that name.
    """
    if form not in FORMS:
        raise unknown("form of the loss", form, FORMS)
    return form  # type: ignore[return-value]


def scale(tau: Tensor | float, form: Form) -> Tensor | float:
    """What the teacher's part is multiplied by."""
    return tau**2 if form == "released" else 1.0


def loss(
    logits: Tensor, labels: Tensor, targets: Tensor, tau: float, alpha: float, form: Form
) -> Tensor:
    """Mean loss of a batch; what students descend is its gradient in closed form.

    Args:
        logits: of the student, (..., C).
        labels: int64 (...).
        targets: softened probabilities of the teacher, (..., C), see `mixture`.
        tau: temperature, above 0.
        alpha: weight of the labels, in [0, 1].
        form: "printed" or "released".
    """
    hard = -torch.log_softmax(logits, -1).gather(-1, labels[..., None])[..., 0]
    soft = -(targets * torch.log_softmax(logits / tau, -1)).sum(-1)
    if form == "released":  # a divergence, where the printed one is a cross entropy
        soft = soft - torch.special.entr(targets).sum(-1)
    return (alpha * hard + (1 - alpha) * scale(tau, form) * soft).mean()


def gradient(
    logits: Tensor, labels: Tensor, targets: Tensor | None, tau: Tensor, alpha: Tensor, form: Form
) -> Tensor:
    """Gradient of `loss` by the logits, for many students at once.

    Args:
        logits: (S, B, C); overwritten.
        labels: int64 (S, B).
        targets: (S, B, C), or None where every alpha is 1.
        tau: temperature of each student, (S, 1, 1).
        alpha: weight of the labels of each, (S, 1, 1).
        form: "printed" or "released".
    """
    batch = logits.shape[1]
    found = torch.softmax(logits, -1)
    found.scatter_add_(2, labels[..., None], found.new_full((*labels.shape, 1), -1.0))
    if targets is None:
        return found.mul_(1 / batch)
    soft = torch.softmax(logits.div_(tau), -1).sub_(targets)
    weight = (1 - alpha) * scale(tau, form) / tau / batch
    return found.mul_(alpha / batch).add_(soft.mul_(weight))


def mixture(logits: Sequence[Tensor], weights: Sequence[float], tau: float, form: Form) -> Tensor:
    """Softened probabilities of a weighted mixture of teachers, (..., C).

    Args:
        logits: of each teacher, (..., C).
        weights: of each, 0 or more; they are made to add up to 1.
        tau: temperature, above 0.
        form: "printed" averages softened probabilities, "released" logits.
    """
    total = sum(weights)
    parts = zip(logits, weights, strict=True)
    if form == "released":
        mean: Tensor = sum((w / total) * z for z, w in parts)  # type: ignore[assignment]
        return torch.softmax(mean / tau, -1)
    found: Tensor = sum((w / total) * torch.softmax(z / tau, -1) for z, w in parts)  # type: ignore[assignment]
    return found
