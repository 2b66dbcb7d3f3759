"""A tuned model as ONNX with weights of 8 bits, and what that cost in accuracy.

Only heads of classes. The graph takes any number of texts of any length. It is written by torch's
tracing exporter: the newer one needs a package that the lock does not have.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor, nn

from governance.errors import InputError
from training.encoder.model import tokenise
from training.fine_tuning.int8 import INT8_FILE, Int8Model
from training.fine_tuning.judge import macro_f1
from training.fine_tuning.lesson import Lesson
from training.fine_tuning.model import HeadedNetwork, TunedModel

_OPSET = 17  # the first with LayerNormalization; onnxruntime reads it since 1.12
_EXAMPLE = ("a text", "another, longer text")  # of two lengths, so that padding is in the graph


@dataclass(frozen=True)
class Loss:
    """What 8 bits cost on a lesson that was not taught."""

    examples: int
    macro_f1_float: float
    macro_f1_int8: float
    macro_f1_lost: float
    answers_changed: int
    largest_probability_change: float


def export_int8(model: TunedModel, judged: Lesson, folder: Path) -> Loss:
    """Write ``int8.onnx`` into ``folder`` and hold it against the float model on ``judged``."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    path = folder / INT8_FILE
    with TemporaryDirectory() as temporary, _quiet():
        whole = Path(temporary) / "float.onnx"
        export_float(model, whole)
        quantize_dynamic(whole, path, per_channel=True, weight_type=QuantType.QInt8)
    small = Int8Model.load(path, model.tokenizer, model.head, length=model.length)
    return _loss(model, small, judged)


def export_float(model: TunedModel, path: Path) -> None:
    """The encoder and its head as ONNX in float32."""
    if model.head.kind != "classes":
        raise InputError(
            f"the head {model.head.name} cannot be exported",
            where="training/fine_tuning/onnx_export.py",
            why="only heads of classes can",
        )
    given = tokenise(model.tokenizer, _EXAMPLE, length=model.length, has_places=True)
    given.pop("offset_mapping")
    names = list(given)
    axes = {name: {0: "texts", 1: "tokens"} for name in names} | {"logits": {0: "texts"}}
    example = tuple(given[name].to(model.device) for name in names)
    with torch.inference_mode():
        torch.onnx.export(
            _ByPlace(model.network, names).eval(),
            example,
            str(path),
            input_names=names,
            output_names=["logits"],
            dynamic_axes=axes,
            opset_version=_OPSET,
            dynamo=False,
        )


class _ByPlace(nn.Module):
    """The exporter hands inputs over in order, the network takes them by name."""

    def __init__(self, network: HeadedNetwork, names: list[str]) -> None:
        super().__init__()
        self.network, self.names = network, names

    def forward(self, *given: Tensor) -> Tensor:
        logits: Tensor = self.network(**dict(zip(self.names, given, strict=True)))
        return logits


def _loss(model: TunedModel, small: Int8Model, judged: Lesson) -> Loss:
    exact, rough = model.probabilities(judged.texts), small.probabilities(judged.texts)
    truth = np.zeros(0, np.int64) if judged.labels is None else judged.labels
    scores = [macro_f1(truth, found.argmax(axis=1)) for found in (exact, rough)]
    return Loss(
        examples=len(judged),
        macro_f1_float=scores[0],
        macro_f1_int8=scores[1],
        macro_f1_lost=scores[0] - scores[1],
        answers_changed=int((exact.argmax(axis=1) != rough.argmax(axis=1)).sum()),
        largest_probability_change=float(np.abs(exact - rough).max(initial=0)),
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter warns of what tracing cannot see; the loss above is measured, not hoped for."""
    root, level = logging.getLogger(), logging.getLogger().level
    root.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.setLevel(level)
