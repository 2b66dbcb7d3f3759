"""AdamW over what learns, and the size of its steps: a rise, then a fall to zero.

Each group keeps its highest size; the size of a step follows from its number alone, so that a
resumed run takes the same ones.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import nn

from training.fine_tuning.config import STEP_SIZES, FineTuning
from training.fine_tuning.model import TunedModel

_Group = dict[str, Any]  # as torch's optimisers take it


def optimiser_of(models: Sequence[TunedModel], knobs: FineTuning) -> torch.optim.Optimizer:
    """AdamW with a step size for the shared encoder, and one for the heads."""
    of_encoder, of_heads = (getattr(knobs, name) for name in STEP_SIZES[knobs.method])
    encoder = models[0].network.encoder.parameters()
    heads = [p for model in models for p in model.network.out.parameters()]
    groups = [
        *_groups(encoder, of_encoder, knobs),
        *_groups(heads, of_heads, knobs),
    ]
    return torch.optim.AdamW(groups, fused=True)


def set_step_size(
    optimiser: torch.optim.Optimizer, knobs: FineTuning, step: int, steps: int
) -> None:
    """The size of step number ``step`` of ``steps``, from 0."""
    warm = max(int(steps * knobs.warm_up), 1)
    share = min((step + 1) / warm, max(steps - step, 0) / max(steps - warm, 1))
    for group in optimiser.param_groups:
        group["lr"] = group["highest"] * share


def _groups(parameters: Iterable[nn.Parameter], size: float, knobs: FineTuning) -> list[_Group]:
    """Those that learn: matrices, which decay, and biases and norms, which do not."""
    learned = [p for p in parameters if p.requires_grad]
    parts = [
        (knobs.weight_decay, [p for p in learned if p.dim() > 1]),
        (0.0, [p for p in learned if p.dim() <= 1]),
    ]
    return [
        {"params": part, "lr": size, "highest": size, "weight_decay": decay}
        for decay, part in parts
        if part
    ]
