"""DCN-v2 in torch: crosses of the columns beside a small network, three heads over both.

Dimensions: B rows, D prepared columns, r rank of a cross, H width, T tasks. A cross layer makes
``x0 * (W x + b) + x``: after L of them every product of up to L + 1 columns is at hand without one
being named. W is low-rank where ``rank`` is above 0. The crosses and the network share their input
(the parallel form), and every head reads both. ``model.py`` computes the same in numpy.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from training.deep_ranker.model import TASKS


@dataclass(frozen=True)
class DeepRankerConfig:
    """Sizes; the effects are in ``deep_ranker.yaml``."""

    crosses: int = 2
    rank: int = 32
    width: int = 96
    layers: int = 2
    head_width: int = 24
    dropout: float = 0.1


class Cross(nn.Module):
    """One cross layer: products of the first input with a mix of the latest."""

    def __init__(self, width: int, rank: int) -> None:
        super().__init__()
        self.down = nn.Linear(width, rank, bias=False) if rank else None
        self.up = nn.Linear(rank or width, width)

    def forward(self, first: Float[Tensor, "B D"], x: Float[Tensor, "B D"]) -> Float[Tensor, "B D"]:
        low = x if self.down is None else self.down(x)  # (B, r)
        crossed: Tensor = first * self.up(low) + x
        return crossed


class Crosses(nn.Module):
    """All cross layers, one after the other."""

    def __init__(self, width: int, config: DeepRankerConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Cross(width, config.rank) for _ in range(config.crosses))

    def forward(self, first: Float[Tensor, "B D"]) -> Float[Tensor, "B D"]:
        x = first
        for layer in self.layers:
            x = layer(first, x)
        return x


class Head(nn.Module):
    """One task's logit from what all tasks share."""

    def __init__(self, width: int, config: DeepRankerConfig) -> None:
        super().__init__()
        self.inner = nn.Linear(width, config.head_width)
        self.out = nn.Linear(config.head_width, 1)

    def forward(self, shared: Float[Tensor, "B S"]) -> Float[Tensor, "B 1"]:
        logit: Tensor = self.out(torch.relu(self.inner(shared)))
        return logit


class DeepNetwork(nn.Module):
    """Prepared rows in, one logit per task out."""

    def __init__(self, width: int, config: DeepRankerConfig) -> None:
        super().__init__()
        self.cross = Crosses(width, config)
        widths = [width, *[config.width] * config.layers]
        self.deep = nn.ModuleList(nn.Linear(before, after) for before, after in pairwise(widths))
        self.dropout = nn.Dropout(config.dropout)
        self.heads = nn.ModuleDict({task: Head(width + widths[-1], config) for task in TASKS})

    def forward(self, rows: Float[Tensor, "B D"]) -> Float[Tensor, "B T"]:
        hidden = rows
        for layer in self.deep:
            hidden = self.dropout(torch.relu(layer(hidden)))  # (B, H)
        shared = torch.cat([self.dropout(self.cross(rows)), hidden], dim=1)  # (B, D + H)
        return torch.cat([self.heads[task](shared) for task in TASKS], dim=1)
