"""A fine-tuned model: an encoder with a head for classes or for tokens. Knows no files.

``HeadedModel`` reads texts and gives probabilities, whatever computes the logits: the network here,
or its twin with weights of 8 bits (``int8.py``).

Dimensions: N texts, L tokens, D numbers of a vector, C classes. Logits are before the softmax,
probabilities after it.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from training.encoder.model import (
    Precision,
    alike_batches,
    fast_arithmetic,
    mean_over_tokens,
    tokenise,
    width_of,
)
from training.encoder.readable import readable
from training.fine_tuning.lesson import Head, Texts

Probabilities = NDArray[np.float32]


class HeadedNetwork(nn.Module):
    """The encoder's network and one linear head; a head of tokens knows BIO marks and "outside"."""

    def __init__(self, encoder: nn.Module, head: Head, *, dropout: float) -> None:
        super().__init__()
        width, outputs = width_of(encoder), outputs_of(head)
        self.encoder, self.kind = encoder, head.kind
        self.dropout, self.out = nn.Dropout(dropout), nn.Linear(width, outputs)

    def forward(self, **given: Tensor) -> Float[Tensor, "n c"] | Float[Tensor, "n l c"]:
        """Logits: (N, C) of texts, or (N, L, C) of tokens."""
        hidden = self.encoder(**given).last_hidden_state
        if self.kind == "classes":
            hidden = mean_over_tokens(hidden, given["attention_mask"])
        logits: Tensor = self.out(self.dropout(hidden))
        return logits.float()


class HeadedModel(ABC):
    """What answers texts by a head of classes or of tokens."""

    tokenizer: Any  # transformers' own type has no stubs
    head: Head
    length: int  # of tokens at most

    @abstractmethod
    def answer(self, given: dict[str, Tensor]) -> Tensor:
        """Logits of tokens, (N, C) or (N, L, C), without gradients and in the CPU's memory."""

    def probabilities(self, texts: Texts, *, batch: int = 64) -> Probabilities:
        """(N, C) of a head of classes."""
        found = np.zeros((len(texts), len(self.head.labels)), dtype=np.float32)
        for rows, given, _ in self._batches(texts, batch):
            found[rows] = torch.softmax(self.answer(given), dim=-1).numpy()
        return found

    def token_probabilities(
        self, texts: Sequence[str], *, batch: int = 64
    ) -> list[tuple[NDArray[np.int64], Probabilities]]:
        """Of each text: (L, 2) characters where tokens begin and end, and (L, C) probabilities.

        Characters are counted in ``readable(text)``. C is 1 + 2 x kinds: outside, begins, goes on.
        """
        found: list[tuple[NDArray[np.int64], Probabilities]] = [
            (np.empty((0, 2), np.int64), np.empty((0, outputs_of(self.head)), np.float32))
        ] * len(texts)
        for rows, given, places in self._batches(Texts(tuple(texts)), batch):
            chances = torch.softmax(self.answer(given), dim=-1).numpy()
            for at, row in enumerate(rows):
                is_text = places[at, :, 1] > places[at, :, 0]
                found[row] = (places[at, is_text], chances[at, is_text])
        return found

    def _batches(
        self, texts: Texts, batch: int
    ) -> Iterator[tuple[list[int], dict[str, Tensor], NDArray[np.int64]]]:
        first = [readable(text) for text in texts.first]
        second = [readable(text) for text in texts.second]
        sizes = [len(text) for text in first]
        if second:
            sizes = [a + len(b) for a, b in zip(sizes, second, strict=True)]
        for rows in alike_batches(sizes, batch):
            pair = [second[row] for row in rows] if second else None
            given = tokenise(
                self.tokenizer,
                [first[row] for row in rows],
                pair,
                length=self.length,
                has_places=True,
            )
            places = given.pop("offset_mapping").numpy()
            yield rows, given, places


@dataclass(frozen=True)
class TunedModel(HeadedModel):
    """A tokenizer, a headed network and what it answers."""

    tokenizer: Any
    network: HeadedNetwork
    head: Head
    length: int
    precision: Precision = "auto"

    @property
    def device(self) -> str:
        return str(self.network.out.weight.device)

    def answer(self, given: dict[str, Tensor]) -> Tensor:
        self.network.eval()
        with torch.inference_mode():
            there = {name: value.to(self.device) for name, value in given.items()}
            return self.logits(there).cpu()

    def logits(self, given: dict[str, Tensor]) -> Tensor:
        """(N, C) or (N, L, C) of tokens that are on the network's device, for learning."""
        with fast_arithmetic(self.device, self.precision):
            found: Tensor = self.network(**given)
        return found


def outputs_of(head: Head) -> int:
    """Numbers that a head gives: a class each, or outside and BIO marks of each kind of span."""
    return len(head.labels) if head.kind == "classes" else 1 + 2 * len(head.labels)
