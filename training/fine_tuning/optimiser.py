"""How a fine-tuning steps: AdamW with a step size for the encoder and one for the heads.

The size rises while warming up and falls to zero over the steps; it follows from the number of the
step alone, so that a resumed training needs no state of a scheduler. Knows no files.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from training.fine_tuning.config import FineTuning
from training.fine_tuning.model import TunedModel

_LONGEST_GRADIENT = 1.0  # the usual bound of fine-tuning BERT


def optimiser_of(models: Sequence[TunedModel], knobs: FineTuning) -> torch.optim.Optimizer:
    """AdamW; matrices are pulled to zero, biases and norms are not; a step size for each group."""
    inner = [p for p in models[0].network.encoder.parameters() if p.requires_grad]
    heads = [p for model in models for p in model.network.out.parameters()]
    rate = knobs.learning_rate if knobs.method == "full" else knobs.adapter_learning_rate
    groups: list[dict[str, Any]] = []
    for parameters, size in ((inner, rate), (heads, knobs.head_learning_rate)):
        for is_matrix in (True, False):
            kept = [p for p in parameters if (p.dim() > 1) == is_matrix]
            decay = knobs.weight_decay if is_matrix else 0.0
            if kept:
                groups.append({"params": kept, "lr": size, "full": size, "weight_decay": decay})
    return torch.optim.AdamW(groups)


def take_step(optimiser: torch.optim.Optimizer, step: int, steps: int, knobs: FineTuning) -> None:
    """Step ``step`` of ``steps`` along the gradients, cut to length 1, which are then forgotten."""
    share = size_of(step, steps, knobs)
    for group in optimiser.param_groups:
        group["lr"] = group["full"] * share
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    nn.utils.clip_grad_norm_(parameters, _LONGEST_GRADIENT)
    optimiser.step()
    optimiser.zero_grad()


def size_of(step: int, steps: int, knobs: FineTuning) -> float:
    """The share of the full step size: it rises while warming up, then falls to zero."""
    warm = max(int(steps * knobs.warm_up), 1)
    return min((step + 1) / warm, max(steps - step, 0) / max(steps - warm, 1))
