"""SASRec as a retriever: histories of item codes in, a score for every item out.

Dimensions: B histories, T places, D width. Code 0 of a history is the first item, so that item i
is row i + 1 of the network, whose row 0 is padding. Knows no files.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from training.retrievers import NO_ITEM, Histories
from training.sasrec.model import Sasrec, SasrecConfig
from training.shop_data import Floats, Ints

_BLOCK = 512  # histories encoded at once
_STEP_WEIGHT = 1e-6  # settles equal causes in favour of the later item


@dataclass(frozen=True)
class SasrecScorer:
    """A trained network; ``score`` and ``causes`` are what every retriever has."""

    network: Sasrec
    config: SasrecConfig

    @property
    def item_count(self) -> int:
        return len(self.network.items.weight) - 1

    def score(self, histories: Histories) -> Floats:
        """(n, item_count); an empty history proposes nothing."""
        matrix = self.item_vectors().T
        scores: Floats = self.vectors(histories) @ matrix
        empty = [place for place, history in enumerate(histories) if not len(history)]
        scores[empty] = -np.inf
        return scores

    def item_vectors(self) -> Floats:
        """(item_count, D): a score is the product of such a row and a history's vector."""
        with torch.inference_mode():
            matrix: Floats = self.network.item_matrix()[1:].float().cpu().numpy()
        return matrix

    def vectors(self, histories: Histories) -> Floats:
        """(n, D): what the network makes of each history; zeros of an empty one.

        Histories of like length are encoded together, which costs a third of any order.
        """
        self.network.eval()
        device = self.network.items.weight.device
        found = np.zeros((len(histories), self.config.width), dtype=np.float32)
        order = np.argsort([len(history) for history in histories], kind="stable")
        with torch.inference_mode():
            for begin in range(0, len(order), _BLOCK):
                places = order[begin : begin + _BLOCK]
                places = places[[len(histories[place]) > 0 for place in places]]
                if len(places):
                    block = [histories[place] for place in places]
                    items = padded(block, self.config.length).long().to(device)
                    found[places] = self.network(items, steps_back(items))[:, -1].cpu().numpy()
        return found

    def causes(self, history: Ints, items: Ints) -> Ints:
        """Per item the history item without which its score falls most; -1 where none does."""
        recent = history[-self.config.length :]
        if not len(recent):
            return np.full(len(items), NO_ITEM, dtype=np.int32)
        matrix = self.item_vectors()[items].T
        whole = self.vectors([recent]) @ matrix  # (1, items)
        if len(recent) == 1:
            return np.full(len(items), recent[0], dtype=np.int32)
        without = self.vectors([np.delete(recent, place) for place in range(len(recent))]) @ matrix
        falls = whole - without + _STEP_WEIGHT * np.arange(len(recent))[:, None]
        found = recent[falls.argmax(axis=0)]
        return np.where((whole - without).max(axis=0) > 0, found, NO_ITEM).astype(np.int32)


def padded(histories: Sequence[Ints], length: int) -> Int[Tensor, "B T"]:
    """The latest items of each history as codes from 1, right-aligned to the longest."""
    width = min(max((len(history) for history in histories), default=1), length)
    rows = np.zeros((len(histories), max(width, 1)), dtype=np.int32)
    for row, history in zip(rows, histories, strict=True):
        recent = history[-width:]
        row[len(row) - len(recent) :] = recent + 1
    return torch.from_numpy(rows)


def steps_back(items: Int[Tensor, "B T"]) -> Int[Tensor, "B T"]:
    """Each item as a basket of its own: 0 for the latest, 1 for the one before."""
    count = items.shape[1]
    steps = torch.arange(count - 1, -1, -1, dtype=items.dtype, device=items.device)
    return steps.expand(len(items), count)


def text_start(
    text_vectors: Float[Tensor, "V E"] | Floats, width: int, *, spread: float = 0.05
) -> Float[Tensor, "V D"]:
    """Item vectors to begin from: the ``width`` main directions of the items' texts.

    All are scaled by one number, to the spread that the random start has; with fewer directions
    than ``width`` the rest are zero.
    """
    vectors = torch.as_tensor(text_vectors, dtype=torch.float32)
    centred = vectors - vectors.mean(0)
    _, _, directions = torch.linalg.svd(centred, full_matrices=False)
    found = centred @ directions[:width].T
    found = found / found.std().clamp_min(1e-12) * spread
    return torch.nn.functional.pad(found, (0, width - found.shape[1]))
