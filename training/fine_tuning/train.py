"""Learn a head on an encoder: the one training loop of every text task.

    tuned = fine_tune(load_encoder(), head, taught, validation, FineTuning(), progress=print)

Dimensions: N examples, L tokens, C classes. Same seed, same bytes on the same device.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from training.encoder.model import Encoder, fast_arithmetic
from training.encoder.readable import readable
from training.fine_tuning.config import FineTuning
from training.fine_tuning.lesson import Head, Lesson
from training.fine_tuning.model import HeadedNetwork, TunedModel, outputs_of, tokenise_placed

_IGNORED = -100  # torch's own mark for places without a label
_POOL = 16  # batches among which examples are sorted by length: less padding to compute


@dataclass(frozen=True)
class Tuned:
    """The model of the best epoch and the curve that led there: loss and validation by epoch."""

    model: TunedModel
    curve: list[dict[str, float]]


def fine_tune(
    encoder: Encoder,
    head: Head,
    taught: Lesson,
    validation: Lesson | None,
    knobs: FineTuning,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> Tuned:
    """Learn ``taught``; the epoch with the lowest loss on ``validation`` is kept, else the last."""
    torch.manual_seed(knobs.seed)
    network = HeadedNetwork(copy.deepcopy(encoder.network), head, dropout=knobs.dropout)
    model = TunedModel(encoder.tokenizer, network, head, knobs.length)
    optimiser, schedule = _optimiser(network, knobs, steps=_steps(len(taught), knobs))
    weight = _class_weights(taught, head, knobs)
    best, waited, curve, kept = np.inf, 0, [], None
    for epoch in range(1, knobs.epochs + 1):
        network.train()
        losses = []
        for rows in _shuffled(taught, knobs, epoch):
            loss = _loss(model, taught.take(rows), weight)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            optimiser.zero_grad()
            losses.append(loss.item())
        curve.append({"epoch": float(epoch), "loss": float(np.mean(losses))})
        if validation is not None:
            curve[-1]["validation_loss"] = judged = _validate(model, validation, knobs)
            waited += 1
            if judged < best:
                best, waited, kept = judged, 0, copy.deepcopy(network.state_dict())
        progress(f"{head.name} " + ", ".join(f"{k} {v:.4g}" for k, v in curve[-1].items()))
        if waited > knobs.patience:
            break
    if kept is not None:
        network.load_state_dict(kept)
    network.eval()
    return Tuned(model, curve)


def _loss(model: TunedModel, lesson: Lesson, weight: Tensor | None) -> Tensor:
    """The mean cross entropy of a batch, examples weighed."""
    first = [readable(text) for text in lesson.texts.first]
    second = [readable(text) for text in lesson.texts.second] or None
    given = tokenise_placed(model.tokenizer, first, second, length=model.length)
    places = given.pop("offset_mapping")
    with fast_arithmetic():
        logits = model.network(**given)
    target = _targets(lesson, model.head, places)
    each = nn.functional.cross_entropy(
        logits.flatten(0, -2), target.flatten(), weight=weight, reduction="none"
    )
    if lesson.weights is not None:
        scale = torch.from_numpy(lesson.weights)
        each = each * scale.repeat_interleave(each.shape[0] // len(lesson))
    counted = (target.flatten() != _IGNORED).sum().clamp(min=1)
    return each.sum() / counted


def _targets(lesson: Lesson, head: Head, places: Tensor) -> Tensor:
    """(N,) classes, or (N, L) marks: 0 outside, 1 + 2k begins kind k, 2 + 2k goes on with it."""
    if head.kind == "classes":
        assert lesson.labels is not None  # a lesson of classes has them
        return torch.from_numpy(lesson.labels)
    begins, ends = places[..., 0], places[..., 1]
    marks = torch.zeros(begins.shape, dtype=torch.long)
    marks[ends <= begins] = _IGNORED
    for row, spans in enumerate(lesson.spans):
        for span in spans:
            kind = head.labels.index(span.label)
            inside = (begins[row] < span.end) & (ends[row] > span.start) & (marks[row] != _IGNORED)
            where = torch.nonzero(inside).flatten()
            marks[row, where] = 2 + 2 * kind
            marks[row, where[:1]] = 1 + 2 * kind
    return marks


def _validate(model: TunedModel, lesson: Lesson, knobs: FineTuning) -> float:
    model.network.eval()
    total = 0.0
    with torch.inference_mode():
        for begin in range(0, len(lesson), knobs.batch):
            rows = np.arange(begin, min(begin + knobs.batch, len(lesson)))
            total += _loss(model, lesson.take(rows), None).item() * len(rows)
    return total / max(len(lesson), 1)


def _shuffled(lesson: Lesson, knobs: FineTuning, epoch: int) -> Iterator[np.ndarray]:
    """Batches of an epoch: shuffled, sorted by length within a pool, shuffled again."""
    draw = np.random.default_rng((knobs.seed, epoch))
    order = draw.permutation(len(lesson))
    sizes = np.array([len(text) for text in lesson.texts.first])
    batches = []
    for begin in range(0, len(order), knobs.batch * _POOL):
        pool = order[begin : begin + knobs.batch * _POOL]
        pool = pool[np.argsort(sizes[pool], kind="stable")]
        batches += [pool[at : at + knobs.batch] for at in range(0, len(pool), knobs.batch)]
    for number in draw.permutation(len(batches)):
        yield batches[number]


def _optimiser(
    network: HeadedNetwork, knobs: FineTuning, *, steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    if knobs.method == "frozen":
        network.encoder.requires_grad_(False)
    groups: list[dict[str, Any]] = [
        {"params": [p for p in network.encoder.parameters() if p.requires_grad]},
        {"params": list(network.out.parameters()), "lr": knobs.head_learning_rate},
    ]
    groups = [group for group in groups if group["params"]]
    optimiser = torch.optim.AdamW(groups, lr=knobs.learning_rate, weight_decay=knobs.weight_decay)
    warm = max(int(steps * knobs.warm_up), 1)

    def size(step: int) -> float:
        return min((step + 1) / warm, max(steps - step, 0) / max(steps - warm, 1))

    return optimiser, torch.optim.lr_scheduler.LambdaLR(optimiser, size)


def _steps(examples: int, knobs: FineTuning) -> int:
    return -(-examples // knobs.batch) * knobs.epochs


def _class_weights(lesson: Lesson, head: Head, knobs: FineTuning) -> Tensor | None:
    if not knobs.is_class_weighted or lesson.labels is None:
        return None
    counts = np.bincount(lesson.labels, minlength=outputs_of(head)).clip(min=1)
    return torch.tensor(counts.sum() / (len(counts) * counts), dtype=torch.float32)
