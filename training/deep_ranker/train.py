"""Train the deep ranker on the lists the LightGBM ranker sees; stop early on the later window.

Everything random in an epoch follows from the seed and the epoch's number, so a run that was
killed and resumed ends in the same bytes. One seed; threads are the caller's.
"""

import hashlib
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from governance.files import digest_of
from training.best_epoch import Course
from training.checkpoint import Progress
from training.deep_ranker.columns import learn_columns
from training.deep_ranker.config import DeepRankerSettings, DeepRankerTraining
from training.deep_ranker.lesson import Lesson, lesson_of
from training.deep_ranker.losses import Rows, Shares, list_loss, shares_of, task_losses
from training.deep_ranker.model import DeepRanker, forward
from training.deep_ranker.network import DeepNetwork
from training.sasrec.teacher import compute_dtype
from training.shop_data import Floats, Longs
from training.training_set import TrainingSet

_REMEDY = "lower learning_rate in training/deep_ranker/deep_ranker.yaml"
_FREE = ("patience", "accumulate")  # may change between a run and its resumption
_BLOCK = 16_384  # rows scored at once


@dataclass(frozen=True)
class FittedDeepRanker:
    """The ranker of the best epoch, what it reached on validation, and its learning curve."""

    ranker: DeepRanker
    metrics: dict[str, float]
    curve: tuple[dict[str, float], ...]


def fit_deep_ranker(
    training_set: TrainingSet,
    *,
    settings: DeepRankerSettings,
    progress: Callable[[str], None],
    checkpoint: Path | None = None,
) -> FittedDeepRanker:
    """Learn from the training windows; keep the epoch that best orders the validation lists."""
    training = settings.training
    taught = lesson_of(training_set, "train", training.synthetic_weight)
    preparation = learn_columns(taught.values)
    judged = lesson_of(training_set, "validation", training.synthetic_weight)
    torch.manual_seed(training.seed)
    network = DeepNetwork(preparation.width, settings.network)
    state = learn(
        network,
        taught.prepared(preparation),
        judged.prepared(preparation),
        training=training,
        progress=progress,
        checkpoint=checkpoint,
    )
    ranker = DeepRanker(
        preparation,
        arrays_of(network),
        _score_weights(training),
        training_set.retrieval,
        training_set.service,
    )
    return FittedDeepRanker(ranker, state.best, tuple(state.curve))


def learn(
    network: DeepNetwork,
    taught: Lesson,
    judged: Lesson,
    *,
    training: DeepRankerTraining,
    progress: Callable[[str], None],
    checkpoint: Path | None = None,
) -> Progress:
    """Teach until the validation NDCG@10 no longer rises; the best epoch's weights stay.

    With ``checkpoint`` the state after each epoch is kept there, and a call that finds one goes on
    from it; one that finds a finished training returns its result.
    """
    if torch.device(training.device).type == "cpu":
        torch.use_deterministic_algorithms(True)
    network.to(training.device)
    optimiser = torch.optim.AdamW(
        network.parameters(),
        lr=training.learning_rate,
        weight_decay=training.weight_decay,
        fused=True,
    )
    subject = _subject(network, (taught, judged), training)
    course = Course(network, optimiser, subject=subject, checkpoint=checkpoint)
    for epoch in course.epochs(training.epochs, training.patience):
        loss = _one_epoch(network, optimiser, taught, training, epoch=epoch)
        if course.has_diverged(loss, where="training/deep_ranker", next_step=_REMEDY):
            progress(f"deep ranker epoch {epoch}: the loss is {loss}; an earlier epoch stays")
            break
        found = judged.ndcg(_scores(network, judged, training))
        course.note({"loss": loss}, {"ndcg_at_10": found})
        progress(course.line("deep ranker"))
    return course.end()


def arrays_of(network: nn.Module) -> dict[str, Floats]:
    """The weights as numpy reads them."""
    return {name: value.detach().cpu().numpy() for name, value in network.state_dict().items()}


def _one_epoch(
    network: DeepNetwork,
    optimiser: torch.optim.Optimizer,
    taught: Lesson,
    training: DeepRankerTraining,
    *,
    epoch: int,
) -> float:
    """Mean loss of the epoch's batches."""
    order = np.random.default_rng([training.seed, epoch]).permutation(len(taught.sizes))
    seed = np.random.SeedSequence([training.seed, epoch]).generate_state(1)[0]
    torch.manual_seed(int(seed))  # dropout
    batches = np.array_split(order, math.ceil(len(order) / training.batch))
    network.train()
    total = 0.0
    for number, batch in enumerate(batches):
        done = (epoch - 1 + number / len(batches)) / training.epochs
        for group in optimiser.param_groups:
            group["lr"] = training.learning_rate * (0.1 + 0.9 * (1 + math.cos(math.pi * done)) / 2)
        optimiser.zero_grad(set_to_none=True)
        shares = shares_of(_rows(taught, batch, training.device, with_values=False))
        for part in np.array_split(batch, min(training.accumulate, len(batch))):
            loss = _loss(network, _rows(taught, part, training.device), shares, training)
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        optimiser.step()
    return total / len(batches)


def _loss(network: DeepNetwork, rows: Rows, shares: Shares, training: DeepRankerTraining) -> Tensor:
    dtype = compute_dtype(training.precision, training.device)
    is_mixed, kind = dtype == torch.bfloat16, torch.device(training.device).type
    with torch.autocast(kind, dtype=torch.bfloat16, enabled=is_mixed):
        logits = network(rows.values)
    logits = logits.float()
    weights = torch.tensor(training.task_weights, device=logits.device)
    by_task = (task_losses(logits, rows, shares) * weights).sum()
    return by_task + training.list_loss * list_loss(logits, rows, shares)


def _rows(lesson: Lesson, lists: Longs, device: str, *, with_values: bool = True) -> Rows:
    """The rows of some lists, on the device."""
    places, sizes = lesson.rows_of(lists), lesson.sizes[lists]
    values = lesson.values[places] if with_values else np.empty((0, 0), np.float32)
    return Rows(
        values=torch.from_numpy(values).to(device),
        labels=torch.from_numpy(lesson.labels[places]).to(device),
        weight=torch.from_numpy(lesson.weight[places]).to(device),
        list_of=torch.from_numpy(np.repeat(np.arange(len(lists)), sizes)).to(device),
    )


def _scores(network: DeepNetwork, lesson: Lesson, training: DeepRankerTraining) -> Floats:
    """(n,) scores, computed as an answer will compute them."""
    weights, of_tasks = arrays_of(network), _score_weights(training)
    blocks = [
        forward(weights, lesson.values[begin : begin + _BLOCK]) @ of_tasks
        for begin in range(0, len(lesson.values), _BLOCK)
    ]
    return np.concatenate(blocks)


def _score_weights(training: DeepRankerTraining) -> Floats:
    return np.array(training.score_weights, dtype=np.float32)


def _subject(
    network: nn.Module, lessons: tuple[Lesson, Lesson], training: DeepRankerTraining
) -> str:
    """A digest of all that decides the result: rows that teach and judge, shapes, settings."""
    parts = [part for one in lessons for part in (one.values, one.labels, one.weight, one.starts)]
    rows = hashlib.sha256(b"".join(hashlib.sha256(part.tobytes()).digest() for part in parts))
    shapes = {name: list(value.shape) for name, value in network.state_dict().items()}
    knobs = {name: value for name, value in asdict(training).items() if name not in _FREE}
    return digest_of({"rows": rows.hexdigest(), "shapes": shapes, "training": knobs})
