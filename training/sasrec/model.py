"""SASRec over baskets: a causal transformer whose targets are items of the next basket.

Dimensions: B sequences, T places (one per purchased item, oldest first), D width, V items.
Place 0 of the vocabulary is padding. A place sees its own basket and earlier ones; items of a
basket have no order among themselves, so the position counts baskets, not items; a sequence of
single items is the case of one item a basket. Item vectors are tied: the same matrix reads the
input and scores the output. Knows no files.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

PADDING = 0


@dataclass(frozen=True)
class SasrecConfig:
    """Sizes; small, because a training has about a minute on two cores."""

    width: int = 48
    heads: int = 2
    blocks: int = 1  # two cost twice the time and gave nothing on the validation window
    length: int = 100  # items remembered: about ten baskets of Complete Journey
    dropout: float = 0.2
    feed: int = 2  # width of the feed-forward part, in widths
    temperature: float = 0.0  # above 0: scores are cosines divided by it, else plain products


class Block(nn.Module):
    """Attention and feed-forward, each normalised before and added after."""

    def __init__(self, config: SasrecConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.before_attention = nn.LayerNorm(config.width)
        self.read = nn.Linear(config.width, 3 * config.width)
        self.write = nn.Linear(config.width, config.width)
        self.before_feed = nn.LayerNorm(config.width)
        self.feed = nn.Sequential(
            nn.Linear(config.width, config.feed * config.width),
            nn.GELU(),
            nn.Linear(config.feed * config.width, config.width),
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self, x: Float[Tensor, "B T D"], visible: Bool[Tensor, "B 1 T T"]
    ) -> Float[Tensor, "B T D"]:
        size, length, width = x.shape
        parts = self.read(self.before_attention(x)).view(
            size, length, 3, self.heads, width // self.heads
        )
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # each (B, heads, T, D / heads)
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=visible)
        x = x + self.dropout(self.write(seen.transpose(1, 2).reshape(size, length, width)))
        fed: Tensor = x + self.dropout(self.feed(self.before_feed(x)))
        return fed


class Sasrec(nn.Module):
    """Turns purchases into a vector per place; scores are its products with item vectors."""

    def __init__(self, config: SasrecConfig, vocabulary: int) -> None:
        super().__init__()
        self.config = config
        self.temperature = config.temperature
        self.items = nn.Embedding(vocabulary + 1, config.width, padding_idx=PADDING)
        self.positions = nn.Embedding(config.length, config.width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
        self.last = nn.LayerNorm(config.width)
        self.dropout = nn.Dropout(config.dropout)
        nn.init.normal_(self.items.weight, std=0.05)
        nn.init.normal_(self.positions.weight, std=0.05)
        with torch.no_grad():
            self.items.weight[PADDING].zero_()

    def forward(
        self, items: Int[Tensor, "B T"], baskets: Int[Tensor, "B T"]
    ) -> Float[Tensor, "B T D"]:
        """``baskets`` counts back: 0 for the sequence's last basket."""
        x = self.dropout(self.items(items) + self.positions(baskets))
        visible = self._visible(items, baskets)
        for block in self.blocks:
            x = block(x, visible)
        encoded: Tensor = self.last(x)
        return functional.normalize(encoded, dim=-1) if self.temperature else encoded

    def item_matrix(self) -> Float[Tensor, "V+1 D"]:
        """What an encoded place is multiplied with; row 0 is padding."""
        if not self.temperature:
            return self.items.weight
        return functional.normalize(self.items.weight, dim=-1) / self.temperature

    @staticmethod
    def _visible(items: Int[Tensor, "B T"], baskets: Int[Tensor, "B T"]) -> Bool[Tensor, "B 1 T T"]:
        """A place sees baskets no later than its own, never padding but for itself."""
        not_later = baskets[:, None, :] >= baskets[:, :, None]
        real = (items != PADDING)[:, None, :]
        itself = torch.eye(items.shape[1], dtype=torch.bool, device=items.device)
        return ((not_later & real) | itself)[:, None]
