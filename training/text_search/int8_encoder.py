"""An encoder with weights of 8 bits, answered by onnxruntime: vectors of queries in less time.

    export_int8_encoder(encoder, folder, length=64)
    small = Int8Encoder.load(folder, encoder)

Its vectors are near the float ones, not equal: products keep theirs, and only queries are read by
it, so that it has the digest of the encoder whose vectors it seeks among. A text longer than the
length it was written for is cut. Dimensions: N texts, L tokens, D numbers of a vector.
"""

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from training.encoder.model import Encoder, Vectors, mean_over_tokens, tokenise
from training.encoder.readable import readable

FILE = "query_encoder.int8.onnx"
_OPSET = 17  # the first with LayerNormalization
_EXAMPLE = ("a text", "another, longer text")  # of two lengths, so that padding is in the graph


@dataclass(frozen=True)
class Int8Encoder:
    """Embeds queries like the encoder whose digest it has."""

    session: Any  # onnxruntime's own type has no stubs
    tokenizer: Any
    digest: str
    width: int

    @classmethod
    def load(cls, folder: Path, encoder: Encoder, *, threads: int = 1) -> "Int8Encoder":
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # errors
        session = onnxruntime.InferenceSession(
            str(folder / FILE), options, providers=["CPUExecutionProvider"]
        )
        return cls(session, encoder.tokenizer, encoder.digest, encoder.width)

    def embed(self, texts: Sequence[str], *, length: int) -> Vectors:
        """(N, D) unit rows; an empty text's is all zero."""
        read = [readable(text) for text in texts]
        found = np.zeros((len(read), self.width), dtype=np.float32)
        filled = [row for row, text in enumerate(read) if text]
        if filled:
            given = tokenise(self.tokenizer, [read[row] for row in filled], length=length)
            names = [wanted.name for wanted in self.session.get_inputs()]
            found[filled] = self.session.run(None, {name: given[name].numpy() for name in names})[0]
        return found


def export_int8_encoder(encoder: Encoder, folder: Path, *, length: int) -> Path:
    """Write the encoder, its mean over tokens and the unit length as one graph of 8 bits."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    given = tokenise(encoder.tokenizer, _EXAMPLE, length=length)
    names = list(given)
    axes = {name: {0: "texts", 1: "tokens"} for name in names} | {"vectors": {0: "texts"}}
    level = logging.getLogger().level
    with TemporaryDirectory() as temporary, warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # of what tracing cannot see; answers are compared instead
        logging.getLogger().setLevel(logging.ERROR)
        try:
            whole = Path(temporary) / "float.onnx"
            torch.onnx.export(
                _Pooled(encoder.network, names).eval(), tuple(given.values()), str(whole),
                input_names=names, output_names=["vectors"], dynamic_axes=axes,
                opset_version=_OPSET, dynamo=False,
            )  # fmt: skip
            quantize_dynamic(whole, folder / FILE, per_channel=True, weight_type=QuantType.QInt8)
        finally:
            logging.getLogger().setLevel(level)
    return folder / FILE


class _Pooled(nn.Module):
    """The exporter hands inputs over in order, the network takes them by name."""

    def __init__(self, network: nn.Module, names: list[str]) -> None:
        super().__init__()
        self.network, self.names = network, names

    def forward(self, *given: Tensor) -> Tensor:
        named = dict(zip(self.names, given, strict=True))
        hidden = self.network(**named).last_hidden_state
        return nn.functional.normalize(mean_over_tokens(hidden, named["attention_mask"]), dim=-1)
