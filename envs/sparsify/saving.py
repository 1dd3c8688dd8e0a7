"""Writes a training and reads it again, as safetensors and JSON."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from leapbench.envs.sparsify.training import Training

TENSORS, STATE = "training.safetensors", "training.json"
COUNTED = ("spent", "iteration", "begun")


def save(training: Training, folder: Path) -> None:
    """Write everything that `load` needs to go on."""
    parameters = dict(training.network.named_parameters())
    tensors = {f"network/{k}": v for k, v in training.network.state_dict().items()}
    for name, parameter in parameters.items():
        for key, value in training.optimiser.state.get(parameter, {}).items():
            tensors[f"adam/{name}/{key}"] = value
    tensors["mask"] = torch.from_numpy(training.mask)
    tensors["order"] = torch.from_numpy(training.batches.order)
    flat = {name: each.detach().cpu().contiguous().clone() for name, each in tensors.items()}
    save_file(flat, folder / TENSORS)
    numbers = {name: getattr(training, name) for name in COUNTED}
    state = numbers | {"loss": training.loss, "rng": training.batches.rng.bit_generator.state}
    (folder / STATE).write_text(json.dumps(state), encoding="utf-8")


def load(training: Training, folder: Path) -> None:
    """Go on from what `save` wrote of a training of the same job and seed.

    Raises:
        ValueError, KeyError, OSError, RuntimeError: when the files are of another.
    """
    state = json.loads((folder / STATE).read_text(encoding="utf-8"))
    tensors = load_file(folder / TENSORS)
    mask = tensors["mask"].numpy().astype(bool)
    if mask.shape != training.mask.shape:
        raise ValueError(f"a mask of {mask.shape}, expected {training.mask.shape}")
    network = {k.removeprefix("network/"): v for k, v in tensors.items() if "network/" in k}
    training.network.load_state_dict(network)
    training.optimiser.state.clear()
    for name, parameter in training.network.named_parameters():
        prefix = f"adam/{name}/"
        found = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        for key, value in found.items():
            if value.shape == parameter.shape:
                found[key] = torch.empty_like(parameter).copy_(value)
        if found:
            training.optimiser.state[parameter] = found
    for name in COUNTED:
        setattr(training, name, int(state[name]))
    training.loss = [float(each) for each in state["loss"]]
    training.batches.rng.bit_generator.state = state["rng"]
    training.batches.order = tensors["order"].numpy()
    training.wear(mask)
