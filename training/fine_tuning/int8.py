"""A tuned model with weights of 8 bits, answered by onnxruntime.

Dimensions: N texts, L tokens, C classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.encoder.model import alike_batches, tokenise
from training.encoder.onnx_graph import answer_of, open_graph
from training.encoder.readable import readable
from training.fine_tuning.lesson import Head, Texts
from training.fine_tuning.model import Probabilities

INT8_FILE = "int8.onnx"


@dataclass(frozen=True)
class Int8Model:
    """Answers like a TunedModel with a head of classes, faster and a little less exactly."""

    session: Any  # onnxruntime's own type has no stubs
    tokenizer: Any
    head: Head
    length: int

    @classmethod
    def load(
        cls, path: Path, tokenizer: Any, head: Head, *, length: int, threads: int = 1
    ) -> "Int8Model":
        return cls(open_graph(path, threads=threads), tokenizer, head, length)

    def probabilities(self, texts: Texts, *, batch: int = 64) -> Probabilities:
        """(N, C) of a head of classes."""
        first = [readable(text) for text in texts.first]
        second = [readable(text) for text in texts.second]
        found = np.zeros((len(texts), len(self.head.labels)), dtype=np.float32)
        for rows in alike_batches([len(text) for text in first], batch):
            pair = [second[row] for row in rows] if second else None
            logits = self._logits([first[row] for row in rows], pair)
            found[rows] = _softmax(logits)
        return found

    def _logits(self, first: Sequence[str], second: Sequence[str] | None) -> Probabilities:
        given = tokenise(self.tokenizer, first, second, length=self.length, has_places=True)
        return answer_of(self.session, given)


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    chances: NDArray[np.float32] = raised / raised.sum(axis=-1, keepdims=True)
    return chances
