"""A tuned model with weights of 8 bits, answered by onnxruntime."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.encoder.onnx_graph import answer_of, open_graph
from training.fine_tuning.lesson import Head
from training.fine_tuning.model import HeadedModel

INT8_FILE = "int8.onnx"


@dataclass(frozen=True)
class Int8Model(HeadedModel):
    """Answers like the TunedModel it was made of, faster and a little less exactly."""

    session: Any  # onnxruntime's own type has no stubs
    tokenizer: Any
    head: Head
    length: int

    @classmethod
    def load(
        cls, path: Path, tokenizer: Any, head: Head, *, length: int, threads: int = 1
    ) -> "Int8Model":
        return cls(open_graph(path, threads=threads), tokenizer, head, length)

    def answer(self, given: dict[str, Tensor]) -> Tensor:
        return torch.from_numpy(answer_of(self.session, given))
