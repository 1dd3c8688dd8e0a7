"""The radiance field of the paper: two networks, of which one says where the other looks."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from leapbench.envs.activeview.field.base import Field, places
from leapbench.envs.activeview.field.loss import ray_loss
from leapbench.envs.activeview.field.network import FieldNetwork
from leapbench.envs.activeview.field.rays import Rays
from leapbench.envs.activeview.field.render import Samples, composite
from leapbench.envs.activeview.field.settings import MlpSettings

PROBED = 256
"""Training rays that the Fisher information is taken from."""


class MlpField(Field):
    """A coarse and a fine network with positional encoding and hierarchical sampling.

    The fine network learns by the likelihood, the coarse one by its squared error.
    """

    def __init__(self, settings: MlpSettings, seed: int) -> None:
        super().__init__(settings.device, seed)
        self.settings, self.iteration = settings, 0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.networks = [FieldNetwork(settings).to(self.device) for _ in range(2)]
        self.adam = self._optimiser()

    def _optimiser(self) -> torch.optim.Adam:
        parameters = [each for network in self.networks for each in network.parameters()]
        return torch.optim.Adam(parameters, self.settings.rate)

    def _separate(self) -> None:
        self.networks = copy.deepcopy(self.networks)
        state = copy.deepcopy(self.adam.state_dict())
        self.adam = self._optimiser()
        self.adam.load_state_dict(state)

    def sample(self, rays: Rays) -> Samples:
        """The fine network, at even samples and where the coarse network sees most."""
        return self._both(rays, None)[1]

    def _both(self, rays: Rays, rng: torch.Generator | None) -> tuple[Samples, Samples]:
        """Samples of both networks, at random places if there is a generator."""
        settings, shape = self.settings, (len(rays.origins), self.settings.samples)
        shift = 0.5 if rng is None else torch.rand(shape, generator=rng, device=self.device)
        distances, step = places(rays, settings.samples, shift)
        coarse = self._queried(0, rays, distances, step.expand(shape))
        weights = composite(coarse)[1].detach()
        further = drawn(distances, weights, settings.fine_samples, rng)
        whole = torch.cat((distances, further), 1).sort(1).values
        exits = (distances[:, -1:] + step).maximum(whole[:, -1:])
        steps = torch.cat((whole, exits), 1).diff(dim=1)
        return coarse, self._queried(1, rays, whole, steps)

    def _queried(self, which: int, rays: Rays, distances: Tensor, steps: Tensor) -> Samples:
        points = rays.origins[:, None] + rays.directions[:, None] * distances[..., None]
        density, colour, variance = self.networks[which](points, rays.directions)
        return Samples(density, colour, variance, steps, distances)

    def _iterate(self) -> None:
        settings = self.settings
        chosen = torch.randint(
            len(self.colours), (settings.rays,), generator=self.rng, device=self.device
        )
        truth = self.colours[chosen]
        coarse, fine = self._both(Rays(*(part[chosen] for part in self.rays)), self.rng)
        seen, kind = composite(fine)[0], settings.likelihood
        loss = ray_loss(seen.colour, seen.variance, truth, kind).value
        loss = loss + kind.weight * kind.density * fine.density.mean()
        loss = loss + (composite(coarse)[0].colour - truth).square().mean()
        self.adam.param_groups[0]["lr"] = settings.rate * 0.1 ** (self.iteration / settings.decay)
        self.adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.adam.step()
        self.iteration += 1

    def fisher(self, rays: Rays, cameras: int) -> Tensor:
        """See `Field.fisher`; over the fine network, estimated without bias by one probe.

        The square of a derivative of a sum with random signs has the sum of squares as
        its mean: one derivative for each camera instead of each ray.
        """
        stride = max(len(self.colours) // PROBED, 1)
        trained = Rays(*(part[::stride] for part in self.rays))
        probe = torch.Generator(self.device).manual_seed(self.iteration)
        known = self._squares(trained, probe) * stride
        count = len(rays.origins) // cameras
        scores = []
        for start in range(0, len(rays.origins), count):
            squares = self._squares(Rays(*(part[start : start + count] for part in rays)), probe)
            scores.append((squares / (known + self.settings.damping)).sum() / count)
        return torch.stack(scores)

    @torch.enable_grad()
    def _squares(self, rays: Rays, probe: torch.Generator) -> Tensor:
        """Squared derivatives of the rays' colours, summed over rays and channels; (P,)."""
        parameters = list(self.networks[1].parameters())
        if not len(rays.origins):
            return torch.zeros(sum(each.numel() for each in parameters), device=self.device)
        colour = composite(self.sample(rays))[0].colour
        signs = torch.randint(0, 2, colour.shape, generator=probe, device=self.device) * 2.0 - 1
        slopes = torch.autograd.grad(
            (colour * signs).sum(), parameters, allow_unused=True, materialize_grads=True
        )
        return torch.cat([slope.view(-1) for slope in slopes]).square()


def drawn(
    distances: Tensor, weights: Tensor, count: int, rng: torch.Generator | None = None
) -> Tensor:
    """Distances drawn by the weights of a ray: constant between the middles of samples.

    Args:
        distances: (N, S), increasing.
        weights: (N, S), 0 or more; those of the first and the last sample do not count.
        count: draws for each ray.
        rng: for random draws; without it they are evenly spread quantiles.

    Returns:
        (N, count).
    """
    edges = (distances[:, 1:] + distances[:, :-1]) / 2
    shares = weights[:, 1:-1] + 1e-5
    steps = (shares / shares.sum(1, keepdim=True)).cumsum(1)
    steps = torch.nn.functional.pad(steps, (1, 0))
    shape = (len(distances), count)
    if rng is None:
        quantiles = torch.linspace(0, 1, count, device=distances.device).expand(shape).contiguous()
    else:
        quantiles = torch.rand(shape, generator=rng, device=distances.device)
    above = torch.searchsorted(steps, quantiles, right=True).clamp(1, steps.shape[1] - 1)
    low, high = steps.gather(1, above - 1), steps.gather(1, above)
    place = ((quantiles - low) / (high - low).clamp_min(1e-9)).clamp(0, 1)
    start = edges.gather(1, above - 1)
    return start + place * (edges.gather(1, above) - start)
