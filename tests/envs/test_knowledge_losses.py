"""Each loss against a plain re-computation, one triplet at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from leapbench.envs.knowledge import losses
from leapbench.envs.knowledge.batches import Batch
from leapbench.envs.knowledge.losses import Encoded, Weights
from leapbench.envs.knowledge.network import CELLS, Clip, Fusion, Shape, pooled
from leapbench.envs.knowledge.sources import Sources
from leapbench.envs.knowledge.start import started
from leapbench.envs.knowledge.training import Rates, Trainer

SHAPE = Shape(width=16, fusion=12, heads=2)


@pytest.fixture(scope="module")
def sources() -> Sources:
    return Sources(1, 60)


@pytest.fixture(scope="module")
def networks(sources: Sources) -> tuple[Clip, Fusion]:
    torch.manual_seed(0)
    return Clip(sources.words.count, SHAPE), Fusion(SHAPE, hops=2)


@pytest.fixture(scope="module")
def batch(sources: Sources) -> Batch:
    counts = {"pairs": 5, "scene": 8, "attribute": 8, "language": 6}
    return sources.draw(counts, np.random.default_rng(0))


@pytest.fixture(scope="module")
def read(networks: tuple[Clip, Fusion], batch: Batch) -> losses.Read:
    clip, fusion = networks
    return losses.read(clip, fusion, batch, losses.encoded(clip, batch))


def entity(clip: Clip, fusion: Fusion, batch: Batch, number: int) -> Tensor:
    """Tokens (L, fusion) of one entity, without padding."""
    if number < len(batch.images):
        image = torch.from_numpy(batch.images[number : number + 1])
        return fusion.from_image(clip.image_tokens(image))[0]
    text = torch.from_numpy(batch.texts[number - len(batch.images)])[None]
    return fusion.from_text(clip.text_tokens(text))[0, text[0] > 0]


def fused(clip: Clip, fusion: Fusion, batch: Batch, triplet: tuple[int | None, ...]) -> Tensor:
    """Y and R (2, fusion) of one triplet of which some elements are masked (Eq 3 to 6)."""
    head, relation, tail = triplet
    zero = torch.zeros(1, SHAPE.fusion)
    parts = [fusion.head[None]]
    parts.append((zero if head is None else entity(clip, fusion, batch, head)) + fusion.roles[0])
    if relation is None:
        parts.append(zero + fusion.roles[1])
    else:
        verb = torch.from_numpy(batch.verbs[relation])[None]
        parts.append(fusion.from_text(pooled(clip.text_tokens(verb), verb)) + fusion.roles[1])
    parts.append((zero if tail is None else entity(clip, fusion, batch, tail)) + fusion.roles[2])
    x = torch.cat(parts)[None]
    for layer in fusion.layers:
        x = layer(x)
    x = fusion.norm(x)[0]
    return x[[0, 1 + len(parts[1])]]


def test_reading_many_is_reading_each(
    networks: tuple[Clip, Fusion], batch: Batch, read: losses.Read
) -> None:
    clip, fusion = networks
    triplets = list(zip(batch.heads, batch.relations, batch.tails, strict=True))
    graph = [t for t, of in zip(triplets, batch.graph, strict=True) if of]
    with torch.no_grad():
        for i, (h, r, t) in enumerate(triplets):
            expected = fused(clip, fusion, batch, (h, r, None))[0]
            torch.testing.assert_close(read.given[0][i], expected, atol=1e-5, rtol=1e-4)
            expected = fused(clip, fusion, batch, (None, None, t))[0]
            torch.testing.assert_close(read.alone[0][i], expected, atol=1e-5, rtol=1e-4)
        for i, (h, r, t) in enumerate(graph):
            for found, masked, which in (
                (read.given[1], (None, r, t), 0),
                (read.alone[1], (h, None, None), 0),
                (read.relation, (h, None, t), 1),
                (read.start[0], (None, None, h), 0),
            ):
                expected = fused(clip, fusion, batch, masked)[which]
                torch.testing.assert_close(found[i], expected, atol=1e-5, rtol=1e-4)


def nll(
    queries: list[Tensor], keys: list[Tensor], scale: float, skip: set[tuple[int, int]]
) -> float:
    """Mean over i of -log softmax over j of the scaled cosines, equal ones left out."""
    total = 0.0
    for i, query in enumerate(queries):
        logits = [
            scale * float(cosine_similarity(query, key, dim=0))
            for j, key in enumerate(keys)
            if i == j or (i, j) not in skip
        ]
        own = scale * float(cosine_similarity(query, keys[i], dim=0))
        total += math.log(sum(math.exp(v - own) for v in logits))
    return total / len(queries)


def test_entity_to_entity(networks: tuple[Clip, Fusion], batch: Batch, read: losses.Read) -> None:
    fusion = networks[1]
    scale, each = float(fusion.scale().detach()), []
    triplets = list(zip(batch.heads, batch.relations, batch.tails, strict=True))
    graph = [t for t, of in zip(triplets, batch.graph, strict=True) if of]
    for k, rows in enumerate((triplets, graph)):
        asked, known = (2, 0) if k == 0 else (0, 2)
        skip = {
            (i, j)
            for i, a in enumerate(rows)
            for j, b in enumerate(rows)
            if a[asked] == b[asked] or (a[known] == b[known] and a[1] == b[1])
        }
        alone, given = list(read.alone[k]), list(read.given[k])
        each += [nll(alone, given, scale, skip), nll(given, alone, scale, skip)]
    found = float(losses.entity_to_entity(fusion, read, batch))
    assert found == pytest.approx(np.mean(each), abs=1e-4)


def test_entity_to_relation(networks: tuple[Clip, Fusion], batch: Batch, read: losses.Read) -> None:
    fusion = networks[1]
    classes = batch.classes[batch.graph]
    total = 0.0
    for row, name in zip(read.relation, classes, strict=True):
        logits = fusion.classifier(row).detach().numpy().astype(np.float64)
        total += np.log(np.exp(logits).sum()) - logits[name]
    found = float(losses.entity_to_relation(fusion, read, batch))
    assert found == pytest.approx(total / len(classes), abs=1e-5)


def test_graph_to_entity(networks: tuple[Clip, Fusion], batch: Batch, read: losses.Read) -> None:
    fusion = networks[1]
    rows = np.flatnonzero(batch.graph)
    edges = [(int(batch.heads[i]), int(batch.tails[i])) for i in rows]
    first: dict[int, Tensor] = {}
    for k, (head, tail) in enumerate(edges):
        first[head], first[tail] = read.start[0][k], read.start[1][k]
    state = dict(first)
    for gate in fusion.gates:
        reached: dict[int, list[Tensor]] = {}
        for k, (head, tail) in enumerate(edges):
            reached.setdefault(tail, []).append(gate(read.relation[k]) * state[head])
        state |= {node: torch.stack(sent).mean(0) for node, sent in reached.items()}
    nodes = sorted({tail for _, tail in edges})
    a, b = [first[n] for n in nodes], [state[n] for n in nodes]
    scale = float(fusion.scale().detach())
    found = float(losses.graph_to_entity(fusion, read, batch))
    assert found == pytest.approx((nll(a, b, scale, set()) + nll(b, a, scale, set())) / 2, abs=1e-4)


def test_clip_and_distillation() -> None:
    rng = np.random.default_rng(0)
    student, teacher = rng.normal(size=(2, 4, 4))

    def soft(m: np.ndarray) -> np.ndarray:
        e = np.exp(m - m.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)

    batch = Batch(pairs=np.stack([np.arange(4), np.array([4, 5, 6, 4])], 1))
    logits = student.copy()
    logits[0, 3] = logits[3, 0] = -np.inf  # the same caption
    rows, columns = soft(logits), soft(logits.T)
    expected = -(np.log(np.diag(rows)).mean() + np.log(np.diag(columns)).mean()) / 2
    assert float(losses.clip_loss(torch.from_numpy(student), batch)) == pytest.approx(expected)
    kl = 0.0
    for a, b in ((student, teacher), (student.T, teacher.T)):
        kl += (soft(b) * (np.log(soft(b)) - np.log(soft(a)))).sum(1).mean() / 2
    found = losses.distillation(torch.from_numpy(student), torch.from_numpy(teacher))
    assert float(found) == pytest.approx(kl)


def test_wrong_captions_are_further_columns(sources: Sources) -> None:
    torch.manual_seed(0)
    clip = Clip(sources.words.count, SHAPE)
    batch = sources.draw({"negatives": 6}, np.random.default_rng(0))
    logits = losses.similarities(clip, batch, losses.encoded(clip, batch))
    assert logits.shape == (6, 12)
    assert float(losses.clip_loss(logits, batch)) > float(losses.clip_loss(logits[:, :6], batch))


def test_masked_tokens_are_not_attended_to(networks: tuple[Clip, Fusion]) -> None:
    fusion = networks[1]
    tokens, seen = torch.randn(2, CELLS, SHAPE.fusion), torch.ones(2, CELLS, dtype=torch.bool)
    seen[:, 5:] = False
    changed = tokens.clone()
    changed[:, 5:] = 9.0
    a, b = fusion((tokens, seen), None, None)[0], fusion((changed, seen), None, None)[0]
    torch.testing.assert_close(a, b)


def test_no_gradient_into_the_start(sources: Sources, batch: Batch) -> None:
    clip = started(sources, 0, 1, 8, SHAPE)
    trainer = Trainer(clip, Rates(), Weights(clip=1.0, flat=1.0), shape=SHAPE)
    before = [p.clone() for p in trainer.start.parameters()]
    found = trainer.update(batch, 0.2)
    assert set(found) == {"clip", "flat", "e2e", "e2r", "g2e", "kd"}
    assert all(torch.equal(a, b) for a, b in zip(before, trainer.start.parameters(), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(before, clip.parameters(), strict=True))


def test_the_start_is_the_same_bytes(sources: Sources) -> None:
    a, b = (started(Sources(1, 60), 5, 2, 8, SHAPE).state_dict() for _ in range(2))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_entities_are_encoded_once(
    networks: tuple[Clip, Fusion], batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    real = Clip.image_tokens

    def counted(self: Clip, images: Tensor) -> Tensor:
        seen.append(len(images))
        return real(self, images)

    monkeypatch.setattr(Clip, "image_tokens", counted)
    clip, fusion = networks
    out: Encoded = losses.encoded(clip, batch)
    losses.similarities(clip, batch, out)
    losses.read(clip, fusion, batch, out)
    assert seen == [len(batch.images)]
