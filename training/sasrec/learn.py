"""The training loop of SASRec: batches, steps, validation, checkpoints, one process or several.

Dimensions: N rows, T places, V items with padding. Everything random in an epoch follows from the
seed and the epoch's number, so a run that was killed and resumed ends in the same bytes. Under
``torchrun`` every process holds all rows and computes its share of each batch: the gradient is
that of the whole batch, so the number of processes changes the time and not the result (but for
dropout, which each process draws for its own rows). One seed; threads are the caller's.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.distributed
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from training.best_epoch import Course, mixed_seed
from training.checkpoint import Progress
from training.sasrec.checkpoint import subject_of
from training.sasrec.config import SasrecTraining
from training.sasrec.losses import draw_negatives, log_rate
from training.sasrec.model import PADDING, Sasrec
from training.sasrec.teacher import Teacher

_WHERE = "training/sasrec"
Say = Callable[[str], None]
Curve = Sequence[Mapping[str, float]]
Watch = Callable[[Curve], None]  # sees the curve after every epoch


def unwatched(_curve: Curve) -> None:
    """Nobody looks."""


@dataclass(frozen=True)
class Lesson:
    """What is learned: rows, right-aligned, and per epoch the item that each place foretells.

    ``judged_by`` is a digest of what validates: a checkpoint of another is not gone on from.
    """

    items: Int[Tensor, "N T"]
    baskets: Int[Tensor, "N T"]
    draw_targets: Callable[[np.random.Generator], Int[Tensor, "N T"]]
    judged_by: str = ""


@dataclass(frozen=True)
class Crew:
    """This process among those that learn together."""

    rank: int = 0
    size: int = 1

    @classmethod
    def now(cls) -> "Crew":
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            return cls(torch.distributed.get_rank(), torch.distributed.get_world_size())
        return cls()


def learn(
    network: Sasrec,
    lesson: Lesson,
    *,
    training: SasrecTraining,
    validate: Callable[[], dict[str, float]],
    progress: Say,
    checkpoint: Path | None = None,
    watch: Watch = unwatched,
) -> Progress:
    """Teach until ``validate``'s NDCG@10 no longer rises; the best epoch's weights stay.

    With ``checkpoint`` the state after each epoch is kept there, and a call that finds one goes on
    from it; one that finds a finished training returns its result. ``watch`` is given the curve
    after each epoch, when the checkpoint lies on disk, and first with what a checkpoint held; what
    it raises ends the training.
    """
    crew, device = Crew.now(), torch.device(training.device)
    if device.type == "cpu":
        torch.use_deterministic_algorithms(True)  # else gradients of items add up in any order
    log_q = negative_rates(lesson, training, vocabulary=len(network.items.weight) - 1)
    network.to(device)
    teacher = Teacher(network, training, log_q).to(device)
    optimiser = torch.optim.AdamW(
        network.parameters(),
        lr=training.learning_rate,
        weight_decay=training.weight_decay,
        betas=(0.9, training.adam_beta2),
        fused=True,
    )
    subject = subject_of(network, (lesson.items, lesson.baskets), training, lesson.judged_by)
    course = Course(
        network, optimiser, subject=subject, checkpoint=checkpoint, is_writer=crew.rank == 0
    )
    curve = course.state.curve
    if curve:
        watch(curve)
    wrapped = DistributedDataParallel(teacher) if crew.size > 1 else teacher
    for epoch in course.epochs(
        training.epochs, training.patience, drops=training.drops, drop=training.drop
    ):
        loss = _one_epoch(wrapped, optimiser, lesson, training, log_q, epoch=epoch, crew=crew)
        if course.has_diverged(loss, where=_WHERE, next_step="lower training.learning_rate"):
            progress(f"sasrec epoch {epoch}: the loss is {loss}; an earlier epoch stays")
            break
        taught = {"loss": loss, "learning_rate": float(optimiser.param_groups[0]["lr"])}
        course.note(taught, validate())
        progress(course.line("sasrec"))
        watch(curve)
    return course.end()


def negative_rates(
    lesson: Lesson, training: SasrecTraining, *, vocabulary: int
) -> Float[Tensor, " V"]:
    """Log of the rate at which :func:`draw_negatives` will draw each item in this lesson.

    Negatives of the batch are its targets: an item that only ends sequences is among them, one that
    only begins them is not. Where each epoch draws targets of its own, one draw stands for all.
    """
    drawn_from = lesson.items
    if training.negative_source == "mixed":
        drawn_from = lesson.draw_targets(np.random.default_rng(training.seed))
    return log_rate(drawn_from, vocabulary, training.negative_source, training.in_batch)


def _one_epoch(
    teacher: nn.Module,
    optimiser: torch.optim.Optimizer,
    lesson: Lesson,
    training: SasrecTraining,
    log_q: Float[Tensor, " V"],
    *,
    epoch: int,
    crew: Crew,
) -> float:
    """Mean loss over all places of all processes."""
    draw = np.random.default_rng([training.seed, epoch])
    generator = torch.Generator().manual_seed(mixed_seed(training.seed, epoch, 0))
    torch.manual_seed(mixed_seed(training.seed, epoch, 1 + crew.rank))  # dropout
    targets = lesson.draw_targets(draw)
    teacher.train()
    total, places = torch.zeros((), device=training.device), 0
    for batch in _batches(lesson.items, training, draw):
        present = targets[batch][targets[batch] != PADDING]
        if not len(present):
            continue
        negatives = draw_negatives(
            present,
            training.negatives,
            log_q=log_q,
            source=training.negative_source,
            in_batch=training.in_batch,
            generator=generator,
        )
        optimiser.zero_grad(set_to_none=True)
        for part, weight, still in _parts(batch, teacher, training, crew):
            with still:
                rows = _trimmed(lesson, targets, part, training.device)
                loss = teacher(*rows, negatives.to(training.device)) * weight
                (loss * crew.size / len(present)).backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        optimiser.step()
        places += len(present)
    if crew.size > 1:
        torch.distributed.all_reduce(total)
    return float(total) / max(places, 1)


def _parts(
    batch: Int[Tensor, " B"], teacher: nn.Module, training: SasrecTraining, crew: Crew
) -> Iterator[tuple[Tensor, float, AbstractContextManager[None]]]:
    """This process's rows in ``accumulate`` parts; processes exchange gradients at the last one.

    A process without rows takes part with a row of weight zero.
    """
    mine, weight = batch[crew.rank :: crew.size], 1.0
    if not len(mine):
        mine, weight = batch[:1], 0.0
    parts = torch.tensor_split(mine, min(training.accumulate, len(mine)))
    for number, part in enumerate(parts, start=1):
        if isinstance(teacher, DistributedDataParallel) and number < len(parts):
            yield part, weight, teacher.no_sync()
        else:
            yield part, weight, nullcontext()


def _trimmed(
    lesson: Lesson, targets: Int[Tensor, "N T"], part: Int[Tensor, " B"], device: str
) -> tuple[Tensor, Tensor, Tensor]:
    """Rows of a batch without the columns that are padding in all of them."""
    items = lesson.items[part]
    first = int((items != PADDING).any(0).float().argmax())
    rows = (items, lesson.baskets[part], targets[part])
    items, baskets, wanted = (row[:, first:].long().to(device) for row in rows)
    return items, baskets, wanted


def _batches(
    items: Int[Tensor, "N T"], training: SasrecTraining, draw: np.random.Generator
) -> list[Tensor]:
    """Rows in random order; within a pool of batches those of like length lie together."""
    order = torch.from_numpy(draw.permutation(len(items)))
    if training.pool == 1:
        return list(torch.split(order, training.batch))
    lengths = (items != PADDING).sum(1)
    batches: list[Tensor] = []
    for pool in torch.split(order, training.batch * training.pool):
        by_length = pool[torch.argsort(lengths[pool], stable=True)]
        batches += torch.split(by_length, training.batch)
    return [batches[place] for place in draw.permutation(len(batches))]
