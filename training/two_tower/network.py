"""The two towers while they learn, in torch; model.py holds what they have become.

Dimensions: N requests, H items of their histories, C candidates, R words with learned vectors, D
width. Item tower: the weighed sum of its words' vectors, of length 1. User tower: the fading sum
of the rows of the history, turned by one matrix. The last column of a word's vector is what the
word adds to the log popularity of an item.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional


class Bags(NamedTuple):
    """Words with learned vectors, item after item."""

    word: Int[Tensor, " K"]
    starts: Int[Tensor, " I"]
    weight: Float[Tensor, " K"]


class TowerNetwork(nn.Module):
    """Starts near the plain cosine of words, and learns what to add to it."""

    def __init__(
        self, *, words: int, width: int, spread: float, scales: tuple[float, float]
    ) -> None:
        super().__init__()
        start = torch.randn(words, width + 1) * spread
        start[:, -1] = 0
        self.words = nn.Parameter(start)  # (R, D + 1)
        self.asking = nn.Parameter(torch.eye(width))  # (D, D)
        self.log_scales = nn.Parameter(torch.tensor(scales).log())  # of words, of vectors

    def forward(
        self,
        alike: Float[Tensor, "N C"],
        shown: Float[Tensor, "N H"],
        history: Bags,
        candidates: Bags,
    ) -> Float[Tensor, "N C"]:
        """Scores of every candidate for every request."""
        word_scale, vector_scale = self.log_scales.exp()
        had, _ = self.items(history)
        offered, prior = self.items(candidates)
        learned = (shown @ had) @ self.asking.T @ offered.T
        scores: Tensor = word_scale * alike + vector_scale * learned + prior
        return scores

    def items(self, bags: Bags) -> tuple[Float[Tensor, "I D"], Float[Tensor, " I"]]:
        """Unit vectors and log popularity."""
        word, starts, weight = bags
        found = functional.embedding_bag(
            word, self.words, starts, mode="sum", per_sample_weights=weight
        )
        return functional.normalize(found[:, :-1], dim=1, eps=1e-4), found[:, -1]
