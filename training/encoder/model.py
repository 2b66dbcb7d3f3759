"""An encoder: texts in, one unit vector each out, in batches of texts of like length.

Dimensions: N texts, L tokens, D numbers of a vector. Knows no files.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor, nn

from training.encoder.readable import readable
from training.native_bfloat16 import has_native_bfloat16

Vectors = NDArray[np.float32]
Precision = Literal["auto", "float32", "bfloat16", "float16"]


@dataclass(frozen=True)
class Encoder:
    """A tokenizer and its network; ``digest`` names the bytes of both."""

    tokenizer: Any  # transformers' own type has no stubs
    network: nn.Module
    name: str
    digest: str

    @property
    def width(self) -> int:
        return width_of(self.network)

    def embed(self, texts: Sequence[str], *, length: int = 64, batch: int = 64) -> Vectors:
        """(N, D) float32 rows of length 1: the mean over tokens; an empty text is all zero."""
        read = [readable(text) for text in texts]
        found = np.zeros((len(read), self.width), dtype=np.float32)
        with torch.inference_mode(), fast_arithmetic():
            for rows in alike_batches([len(text) for text in read], batch):
                given = tokenise(self.tokenizer, [read[row] for row in rows], length=length)
                hidden = self.network(**given).last_hidden_state
                pooled = mean_over_tokens(hidden.float(), given["attention_mask"])
                found[rows] = nn.functional.normalize(pooled, dim=-1).numpy()
        found[[row for row, text in enumerate(read) if not text]] = 0
        return found


def width_of(network: nn.Module) -> int:
    """D, the numbers of a vector that a transformers network gives."""
    return int(network.config.hidden_size)  # type: ignore[union-attr, arg-type]


def tokenise(
    tokenizer: Any,
    first: Sequence[str],
    second: Sequence[str] | None = None,
    *,
    length: int,
    has_places: bool = False,
) -> dict[str, Tensor]:
    """Token ids and masks of at most ``length``, padded; pairs where both are given.

    With ``has_places`` also ``offset_mapping``: where each token lies in its text.
    """
    pairs = (list(first), list(second)) if second else (list(first),)
    return dict(
        tokenizer(
            *pairs, padding=True, truncation=True, max_length=length,
            return_tensors="pt", return_offsets_mapping=has_places,
        )
    )  # fmt: skip


def mean_over_tokens(
    hidden: Float[Tensor, "n l d"], mask: Int[Tensor, "n l"]
) -> Float[Tensor, "n d"]:
    """The mean of the hidden states where ``mask`` is 1."""
    weight = mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weight).sum(1) / weight.sum(1).clamp(min=1)


def alike_batches(sizes: Sequence[int], batch: int) -> Iterator[list[int]]:
    """Row numbers in batches of like size, the longest first, so that little is padding."""
    order = sorted(range(len(sizes)), key=lambda row: (-sizes[row], row))
    for begin in range(0, len(order), batch):
        yield order[begin : begin + batch]


def fast_arithmetic(device: str = "cpu", precision: Precision = "auto") -> torch.autocast:
    """The given precision; ``auto``: bfloat16 where the device has it natively, else float32."""
    if precision == "auto":
        precision = "bfloat16" if has_native_bfloat16(device) else "float32"
    dtype = torch.float16 if precision == "float16" else torch.bfloat16
    return torch.autocast(torch.device(device).type, dtype=dtype, enabled=precision != "float32")
