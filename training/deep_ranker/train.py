"""Train the deep ranker on the lists the LightGBM ranker sees; stop early on the later window.

As many epochs as validation chose are then learned again, with the recent windows that reach up to
the test, as the forest does it.

Everything random in an epoch follows from the seed and the epoch's number, so a run that was
killed and resumed ends in the same bytes. One seed; threads are the caller's.
"""

import hashlib
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from governance.files import digest_of
from training.best_epoch import Course
from training.checkpoint import Progress
from training.deep_ranker.columns import learn_columns
from training.deep_ranker.config import DeepRankerSettings, DeepRankerTraining
from training.deep_ranker.lesson import Lesson, joined, lesson_of
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
    """The ranker, what the network of the best epoch reached on validation, and its curve."""

    ranker: DeepRanker
    metrics: dict[str, float]
    curve: tuple[dict[str, float], ...]
    validation_scores: npt.NDArray[np.float64]  # of the network that validation chose


def fit_deep_ranker(
    training_set: TrainingSet,
    *,
    settings: DeepRankerSettings,
    progress: Callable[[str], None],
    checkpoint: Path | None = None,
) -> FittedDeepRanker:
    """As many epochs as best order the validation lists, from older and recent rows.

    ``checkpoint`` is of the training that validation judges; the second one is learned anew.
    """
    training = settings.training
    raw = lesson_of(training_set, "train", training.synthetic_weight)
    preparation = learn_columns(raw.values)
    taught, judged, recent = (
        lesson.prepared(preparation)
        for lesson in (
            raw,
            lesson_of(training_set, "validation", training.synthetic_weight),
            lesson_of(training_set, "recent", training.synthetic_weight),
        )
    )
    network = _untaught(preparation.width, settings)
    state = learn(
        network, taught, judged, training=training, progress=progress, checkpoint=checkpoint
    )
    scores = _scores(network, judged, training)
    if len(recent.sizes):
        epochs = int(state.best["epoch"])
        progress(f"deep ranker: learning as many epochs with {len(recent.values):,} recent rows")
        network = _untaught(preparation.width, settings)
        everything = joined(taught, recent)
        learn(network, everything, None, training=training, progress=progress, epochs=epochs)
    ranker = DeepRanker(
        preparation,
        arrays_of(network),
        _score_weights(training),
        training_set.retrieval,
        training_set.service,
    )
    return FittedDeepRanker(ranker, state.best, tuple(state.curve), scores.astype(np.float64))


def learn(
    network: DeepNetwork,
    taught: Lesson,
    judged: Lesson | None,
    *,
    training: DeepRankerTraining,
    progress: Callable[[str], None],
    checkpoint: Path | None = None,
    epochs: int | None = None,
) -> Progress:
    """Teach until the validation NDCG@10 no longer rises; the best epoch's weights stay.

    Without ``judged`` all ``epochs`` are learned, at the pace of ``training.epochs``. With
    ``checkpoint`` the state after each epoch is kept there, and a call that finds one goes on
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
    subject = _subject(network, (taught, judged), training) if checkpoint else ""
    course = Course(network, optimiser, subject=subject, checkpoint=checkpoint)
    for epoch in course.epochs(epochs or training.epochs, training.patience):
        loss = _one_epoch(network, optimiser, taught, training, epoch=epoch)
        if course.has_diverged(loss, where="training/deep_ranker", next_step=_REMEDY):
            progress(f"deep ranker epoch {epoch}: the loss is {loss}; an earlier epoch stays")
            break
        found = {"ndcg_at_10": judged.ndcg(_scores(network, judged, training))} if judged else {}
        course.note({"loss": loss}, found)
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


def _untaught(width: int, settings: DeepRankerSettings) -> DeepNetwork:
    torch.manual_seed(settings.training.seed)
    return DeepNetwork(width, settings.network)


def _score_weights(training: DeepRankerTraining) -> Floats:
    return np.array(training.score_weights, dtype=np.float32)


def _subject(
    network: nn.Module, lessons: tuple[Lesson, Lesson | None], training: DeepRankerTraining
) -> str:
    """A digest of all that decides the result: rows that teach and judge, shapes, settings."""
    parts = [
        part for one in lessons if one for part in (one.values, one.labels, one.weight, one.starts)
    ]
    rows = hashlib.sha256(b"".join(hashlib.sha256(part.tobytes()).digest() for part in parts))
    shapes = {name: list(value.shape) for name, value in network.state_dict().items()}
    knobs = {name: value for name, value in asdict(training).items() if name not in _FREE}
    return digest_of({"rows": rows.hexdigest(), "shapes": shapes, "training": knobs})
