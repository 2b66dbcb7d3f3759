"""A tuned model as ONNX with weights of 8 bits, and what that cost in accuracy.

How a graph is written stands in ``training/encoder/onnx_graph.py``.
"""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from training.encoder.model import tokenise
from training.encoder.onnx_graph import EXAMPLE, write_8_bits, write_graph
from training.fine_tuning.batches import prepared
from training.fine_tuning.int8 import INT8_FILE, Int8Model
from training.fine_tuning.judge import batches_of, figures_of
from training.fine_tuning.lesson import Lesson
from training.fine_tuning.model import TunedModel


@dataclass(frozen=True)
class Loss:
    """What 8 bits cost on a lesson that was not taught; an answer is of a text or of a token."""

    examples: int
    answers: int
    macro_f1_float: float
    macro_f1_int8: float
    macro_f1_lost: float
    answers_changed: int
    largest_probability_change: float


def export_int8(model: TunedModel, judged: Lesson, folder: Path) -> Loss:
    """Write ``int8.onnx`` into ``folder`` and hold it against the float model on ``judged``."""
    path = folder / INT8_FILE
    with TemporaryDirectory() as temporary:
        whole = Path(temporary) / "float.onnx"
        export_float(model, whole)
        write_8_bits(whole, path)
    small = Int8Model.load(path, model.tokenizer, model.head, length=model.length)
    return _loss(model, small, judged)


def export_float(model: TunedModel, path: Path) -> None:
    """The encoder and its head as ONNX in float32."""
    given = tokenise(model.tokenizer, EXAMPLE, length=model.length, has_places=True)
    given.pop("offset_mapping")
    there = {name: tensor.to(model.device) for name, tensor in given.items()}
    write_graph(model.network, there, path, output="logits")


def _loss(model: TunedModel, small: Int8Model, judged: Lesson) -> Loss:
    exact, rough, answers, changed, largest = [], [], 0, 0, 0.0
    for batch in batches_of(model, prepared(judged)):
        if not batch.places:
            continue  # empty texts alone: no token answers
        one, other = model.answer(batch.given), small.answer(batch.given)
        exact.append((batch, one))
        rough.append((batch, other))
        answers += batch.places
        changed += int((batch.predicted(one)[1] != batch.predicted(other)[1]).sum())
        moved = (torch.softmax(one, dim=-1) - torch.softmax(other, dim=-1)).abs()
        largest = max(largest, float(moved[batch.is_counted].max()))
    scores = [figures_of(model.head, answered).macro_f1 for answered in (exact, rough)]
    return Loss(
        examples=len(judged),
        answers=answers,
        macro_f1_float=scores[0],
        macro_f1_int8=scores[1],
        macro_f1_lost=scores[0] - scores[1],
        answers_changed=changed,
        largest_probability_change=largest,
    )
