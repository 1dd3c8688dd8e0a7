"""The losses of Knowledge-CLIP (paper, section 4.3), CLIP's own, and that of flattened graphs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, log_softmax, normalize, pad, softmax

from leapbench.envs.knowledge.batches import Batch
from leapbench.envs.knowledge.drawing import GREY
from leapbench.envs.knowledge.network import CELLS, Clip, Fusion, pooled


@dataclass(frozen=True)
class Weights:
    """Weight of each loss; all are 1 in the paper (Eq 14), which has no CLIP loss beside them.

    Attributes:
        clip: contrast of pairs, CLIP's own.
        flat: the same contrast of triplets that are written as pairs, see `flat_loss`.
        e2e: entity to entity (Eq 8).
        e2r: entity to relation (Eq 10).
        g2e: graph to entity (Eq 11 to 13).
        kd: distance to the start's similarities.
    """

    clip: float = 0.0
    flat: float = 0.0
    e2e: float = 1.0
    e2r: float = 1.0
    g2e: float = 1.0
    kd: float = 1.0

    @property
    def fused(self) -> bool:
        """Whether the fusion transformer is needed."""
        return max(self.e2e, self.e2r, self.g2e) > 0


@dataclass(frozen=True)
class Encoded:
    """Entities of a batch through both towers, each once.

    Attributes:
        images: (I, 16, width), tokens.
        texts: (M, TOKENS, width), tokens.
        words: int64 (M, TOKENS), the texts.
    """

    images: Tensor
    texts: Tensor
    words: Tensor


def encoded(clip: Clip, batch: Batch) -> Encoded:
    """Run the towers over a batch's entities."""
    words = tensor(batch.texts, clip.place)
    images = clip.image_tokens(tensor(batch.images, clip.place))
    return Encoded(images, clip.text_tokens(words), words)


def similarities(clip: Clip, batch: Batch, out: Encoded) -> Tensor:
    """Logits (N, N + W) of the pairs' images against their captions and then wrong ones."""
    rows = tensor(batch.pairs, clip.place)
    texts = torch.cat([rows[:, 1], tensor(batch.wrong, clip.place)]) - len(batch.images)
    images = clip.images(out.images[rows[:, 0]])
    return clip.similarity(images, clip.texts(out.texts[texts], out.words[texts]))


def contrast(logits: Tensor, same: Tensor) -> Tensor:
    """Symmetric cross-entropy with the right answers on the diagonal.

    Args:
        logits: (N, N + W); further columns are wrong for every row.
        same: bool (N, N), pairs that are no negatives of each other, as they are equal.
    """
    count = len(logits)
    aim = torch.arange(count, device=logits.device)
    off = same & (aim[:, None] != aim[None])
    square = logits[:, :count].masked_fill(off, float("-inf"))
    across = torch.cat([square, logits[:, count:]], dim=1)
    return (cross_entropy(across, aim) + cross_entropy(square.T, aim)) / 2


def clip_loss(logits: Tensor, batch: Batch) -> Tensor:
    """CLIP's loss; wrong captions, if there are, are further negatives of every image.

    Args:
        logits: see `similarities`.
        batch: whose pairs with equal captions are no negatives.
    """
    captions = tensor(batch.pairs[:, 1], logits)
    return contrast(logits, captions[:, None] == captions[None])


def distillation(student: Tensor, teacher: Tensor) -> Tensor:
    """KL divergence of both softmaxes of a batch's similarities (N, N), averaged.

    Which output is distilled the paper does not say.
    """
    ends = ((student, teacher.detach()), (student.T, teacher.detach().T))
    each = [kl_div(log_softmax(a, 1), softmax(b, 1), reduction="batchmean") for a, b in ends]
    return (each[0] + each[1]) / 2


def flat_loss(clip: Clip, batch: Batch, out: Encoded) -> Tensor:
    """Triplets of graphs as pairs under CLIP's loss: the control of the paper's table 5.

    A head goes with the text "relation tail"; where the tail is an image, too, both are
    painted into one picture that goes with the relation's word. Equal texts are no
    negatives of each other.
    """
    images = len(batch.images)
    heads, tails = batch.heads[batch.graph], batch.tails[batch.graph]
    scene = (heads < images) & (tails < images)
    said = np.zeros((len(heads), batch.verbs.shape[1]), np.int64)
    said[:, 0] = batch.verbs[batch.relations[batch.graph], 0]
    said[~scene, 1:] = batch.texts[tails[~scene] - images, :-1]
    texts = tensor(said, clip.place)
    left = torch.cat([clip.images(out.images), clip.texts(out.texts, out.words)])
    left = left[tensor(heads, clip.place)]
    if scene.any():
        pixels = batch.images[heads[scene]]
        both = np.where(pixels == GREY, batch.images[tails[scene]], pixels)
        shown = clip.images(clip.image_tokens(tensor(both, clip.place)))
        left = left.index_copy(0, tensor(np.flatnonzero(scene), clip.place), shown)
    logits = clip.similarity(left, clip.texts(clip.text_tokens(texts), texts))
    return contrast(logits, (texts[:, None] == texts[None]).all(-1))


@dataclass(frozen=True)
class Read:
    """Triplets as the fusion transformer has read them; G of all T are of a graph.

    Attributes:
        given: Y(h, r, -) (T, fusion) and, with both directions, Y(-, r, t) (G, fusion).
        alone: Y(-, -, t) (T, fusion) and, with both directions, Y(h, -, -) (G, fusion).
        relation: R(h, -, t), (G, fusion).
        start: Y(-, -, e) of heads and of tails, each (G, fusion).
    """

    given: list[Tensor]
    alone: list[Tensor]
    relation: Tensor
    start: tuple[Tensor, Tensor]


def read(clip: Clip, fusion: Fusion, batch: Batch, out: Encoded, both: bool = True) -> Read:
    """Run the fusion transformer over triplets with each of their elements masked.

    Args:
        clip: the towers.
        fusion: the fusion transformer.
        batch: T triplets.
        out: its entities.
        both: whether the head is masked as well as the tail; Eq 8 has the tail alone. Pairs
            are written in either direction, so that theirs never is.
    """
    tokens, seen = _fusible(fusion, out)
    verbs = tensor(batch.verbs, tokens)
    relation = fusion.from_text(pooled(clip.text_tokens(verbs), verbs))
    relation = relation[tensor(batch.relations, tokens)]
    graph = tensor(batch.graph, tokens)
    heads, tails = tensor(batch.heads, tokens), tensor(batch.tails, tokens)
    at_head, at_tail = (tokens[heads], seen[heads]), (tokens[tails], seen[tails])
    as_tail = _alone(fusion, tokens, seen, torch.cat([tails, heads[graph]]), head=False)
    known = (at_head[0][graph], at_head[1][graph]), (at_tail[0][graph], at_tail[1][graph])
    given, alone = [fusion(at_head, relation, None)[0]], [as_tail[: len(tails)]]
    if both and batch.graph.any():
        given.append(fusion(None, relation[graph], known[1])[0])
        alone.append(_alone(fusion, tokens, seen, heads[graph], head=True))
    between = fusion(known[0], None, known[1])[1]
    return Read(given, alone, between, (as_tail[len(tails) :], alone[0][graph]))


def entity_to_entity(fusion: Fusion, out: Read, batch: Batch) -> Tensor:
    """Eq 8: find the tail by head and relation and, if so read, the head by the other two.

    Triplets with the same tail are no negatives of each other, nor those with the same head
    and relation.
    """
    each = (batch.heads, batch.relations, batch.tails)
    heads, relations, tails = (tensor(rows, out.relation) for rows in each)
    graph = tensor(batch.graph, out.relation)
    ends = ((heads, relations, tails), (tails[graph], relations[graph], heads[graph]))
    total = torch.zeros((), device=heads.device)
    for k, (known, by, asked) in enumerate(ends[: len(out.given)]):
        same = asked[:, None] == asked[None]
        same = same | ((known[:, None] == known[None]) & (by[:, None] == by[None]))
        logits = normalize(out.alone[k], dim=-1) @ normalize(out.given[k], dim=-1).T
        total = total + contrast(fusion.scale() * logits, same)
    return total / len(out.given)


def entity_to_relation(fusion: Fusion, out: Read, batch: Batch) -> Tensor:
    """Eq 10: name the relation between two entities."""
    classes = tensor(batch.classes[batch.graph], out.relation)
    return cross_entropy(fusion.classifier(out.relation), classes)


def graph_to_entity(fusion: Fusion, out: Read, batch: Batch) -> Tensor:
    """Eq 11 to 13: an entity is its incoming triplets, averaged.

    g in Eq 11 is a gate for each element. Entities without incoming triplets have no state
    in the paper's equations, keep their first one here, and are not contrasted.
    """
    ends = np.concatenate([batch.heads[batch.graph], batch.tails[batch.graph]])
    nodes, place = np.unique(ends, return_inverse=True)
    source, target = tensor(place.reshape(-1), out.relation).chunk(2)
    empty = torch.zeros(len(nodes), out.relation.shape[1], device=source.device)
    start = state = empty.index_copy(0, source, out.start[0]).index_copy(0, target, out.start[1])
    incoming = torch.bincount(target, minlength=len(nodes))[:, None]
    for gate in fusion.gates:
        sent = gate(out.relation) * state[source]
        mean = torch.zeros_like(state).index_add(0, target, sent) / incoming.clamp(min=1)
        state = torch.where(incoming > 0, mean, state)
    reached = incoming[:, 0] > 0
    a, b = normalize(start[reached], dim=-1), normalize(state[reached], dim=-1)
    none = torch.zeros(len(a), len(a), dtype=torch.bool, device=a.device)
    return contrast(fusion.scale() * a @ b.T, none)


def tensor(
    array: NDArray[np.int64] | NDArray[np.uint8] | NDArray[np.bool_], like: Tensor
) -> Tensor:
    """An array on the device of a tensor."""
    return torch.from_numpy(array).to(like.device)


def _fusible(fusion: Fusion, out: Encoded) -> tuple[Tensor, Tensor]:
    """Tokens (E, 16, fusion) of all entities, images first, and which there are (E, 16)."""
    images, short = fusion.from_image(out.images), CELLS - out.words.shape[1]
    texts = pad(fusion.from_text(out.texts), (0, 0, 0, short))
    all_there = torch.ones(images.shape[:2], dtype=torch.bool, device=images.device)
    return torch.cat([images, texts]), torch.cat([all_there, pad(out.words > 0, (0, short))])


def _alone(fusion: Fusion, tokens: Tensor, seen: Tensor, rows: Tensor, head: bool) -> Tensor:
    """Y of single entities, computed once for each and given for every row."""
    unique, back = torch.unique(rows, return_inverse=True)
    entity = (tokens[unique], seen[unique])
    out = fusion(entity, None, None)[0] if head else fusion(None, None, entity)[0]
    every: Tensor = out[back]
    return every
