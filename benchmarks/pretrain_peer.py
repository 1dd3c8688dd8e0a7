"""The released code of Siamese Image Modeling, for `pretrain.py`: model, loader, optimiser."""

from __future__ import annotations

import sys
import warnings
from argparse import Namespace
from functools import cache, partial
from math import inf
from types import ModuleType
from typing import Any

import numpy as np
import torch
from PIL import Image
from released import stand_in
from torch import Tensor, nn

from leapbench.envs.pretrain.objective import Objective
from leapbench.envs.pretrain.shape import Shape
from leapbench.envs.pretrain.views import Look, Pixels

GOAL = Objective(momentum=0.995)
FIRST = Look(area=0.08, blur=1.0)
SECOND = Look(area=0.08, blur=0.1, solarise=0.2)
"""What the released recipe asks for."""


class Mlp(nn.Module):
    """timm's, for the released model: a linear layer, GELU and another one."""

    def __init__(self, in_features: int, hidden_features: int, **_: Any) -> None:
        super().__init__()
        self.fc1 = nn.Linear(in_features, hidden_features)
        self.fc2 = nn.Linear(hidden_features, in_features)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens of the same shape."""
        made: Tensor = self.fc2(nn.functional.gelu(self.fc1(tokens)))
        return made


TIMM: dict[str, dict[str, Any]] = {
    "timm": {"__version__": "0.6.12"},
    "timm.models": {},
    "timm.models.vision_transformer": {"VisionTransformer": nn.Module},
    "timm.models.layers": {"Mlp": Mlp, "DropPath": nn.Identity},
    "timm.models.layers.helpers": {"to_2tuple": lambda side: (side, side)},
    "timm.data": {"create_transform": None},
    "timm.data.constants": {"IMAGENET_DEFAULT_MEAN": 0, "IMAGENET_DEFAULT_STD": 1},
    "timm.optim": {"create_optimizer": None},
    "timm.optim.optim_factory": {"param_groups_weight_decay": None},
}
"""What the released code imports of timm 0.6.12, which Python 3.11 and later cannot import."""


@cache
def released(path: str) -> tuple[ModuleType, ModuleType]:
    """The modules `main_pretrain` and `models_sim`, on the CPU."""
    sys.path.insert(0, path)
    stand_in("turtle", update=None)
    stand_in("torch._six", inf=inf)
    for name, attributes in TIMM.items():
        made = sys.modules[name] = ModuleType(name)
        vars(made).update(attributes)
        if "." in name:
            above, _, last = name.rpartition(".")
            setattr(sys.modules[above], last, made)
    vars(np).update(float=float, int=int)  # which numpy has no more
    torch.distributed.init_process_group(
        "gloo", store=torch.distributed.HashStore(), rank=0, world_size=1
    )
    warnings.simplefilter("ignore")  # names that torch will drop
    import main_pretrain
    import models_sim

    return main_pretrain, models_sim


class Peer:
    """The released model, its loader and its optimiser, at our sizes."""

    def __init__(self, path: str, shape: Shape, images: Pixels, batch: int) -> None:
        main, models = released(path)
        self.main, self.shape, self.batch = main, shape, batch
        asked = main.get_args_parser().parse_args([])
        vars(asked).update(
            loss_type="sim", decoder_embed_dim=shape.width, with_blockwise_mask=True,
            projector_depth=shape.projector, predictor_depth=shape.decoder,
            crop_min=FIRST.area, input_size=shape.size,
        )  # fmt: skip
        self.model = models.SiameseIMViT(
            shape.size, shape.patch, 3, shape.width, shape.depth, shape.heads,
            decoder_num_heads=shape.heads, norm_layer=partial(models.LayerNorm, eps=1e-6),
            args=asked,
        )  # fmt: skip
        self.loader = self._loader(images, asked)
        learned = [each for each in self.model.parameters() if each.requires_grad]
        groups = [{"params": [p for p in learned if (p.ndim > 1) == big], "weight_decay": decay}
                  for big, decay in ((True, 0.05), (False, 0.0))]  # fmt: skip
        self.optimiser = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.95))
        self.scaler = main.NativeScaler(enabled=False)

    def _loader(self, images: Pixels, asked: Namespace) -> Any:
        from util.masking_generator import MaskingGenerator

        made, grid = self.main.DataAugmentationForSIM(asked), self.shape.grid
        masks = MaskingGenerator(
            (grid, grid), GOAL.hidden(grid * grid), max(1, round(grid * grid / 12)),
            fixed_num_masking_patches=True,
        )  # fmt: skip
        pictures = [Image.fromarray(each) for each in images]

        class Pairs(torch.utils.data.Dataset[Any]):
            def __len__(self) -> int:
                return len(pictures)

            def __getitem__(self, index: int) -> Any:
                return made(pictures[index]), masks()

        return torch.utils.data.DataLoader(Pairs(), self.batch, shuffle=True, drop_last=True)

    def loss(self, first: Tensor, second: Tensor, places: Any, mask: Tensor) -> Tensor:
        """As `engine_pretrain` calls the model."""
        numbers = [each if each.dtype == torch.bool else each.to(first) for each in places]
        loss: Tensor = self.model(first, second, numbers, GOAL.momentum, True, mask=mask)[0]
        return loss

    def update(self, given: Any) -> None:
        """As `engine_pretrain` does, without its log."""
        (first, second, *places), mask = given
        loss = self.loss(first, second, places, mask)
        loss.item()
        self.scaler(loss, self.optimiser, 1.0, parameters=self.model.parameters())
        self.optimiser.zero_grad()
