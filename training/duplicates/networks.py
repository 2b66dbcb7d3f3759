"""The cross-encoders of the matcher: one a fold, which learns the pairs of the other folds.

Dimensions: N pairs. Knows no files but a network's checkpoint, which the engine writes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.duplicates.model import HEAD, texts_of
from training.duplicates.pairs import Pairs
from training.encoder.model import Encoder
from training.fine_tuning.config import FineTuning
from training.fine_tuning.lesson import Lesson, Texts
from training.fine_tuning.taught import Progress, TaughtText, Watch
from training.fine_tuning.train import fine_tune


@dataclass(frozen=True)
class Teacher:
    """Teaches one network a fold, and tells of all their epochs as of one training."""

    encoder: Encoder
    reading: FineTuning
    checkpoint: Path | None
    progress: Progress
    watch: Watch

    def teach(
        self, pairs: Pairs, is_out: NDArray[np.bool_], before: Sequence[TaughtText]
    ) -> TaughtText:
        """A network that learned all pairs but those that are out, with these as its validation."""
        number = len(before) + 1
        lesson = lesson_of(pairs.take(np.flatnonzero(~is_out)), seed=self.reading.seed)
        self.progress(f"network {number}: learns {len(lesson)} pairs")
        path = self.checkpoint and self.checkpoint.with_suffix(f".{number}.safetensors")
        told = [network.curve for network in before]
        tuned = fine_tune(
            self.encoder, HEAD, lesson, None, self.reading, checkpoint=path,
            progress=self.progress, watch=lambda curve: self.watch(onward(*told, curve)),
        )  # fmt: skip
        out = pairs.take(np.flatnonzero(is_out))
        return TaughtText(tuned.model, Lesson(texts_of(out), out.labels), {}, tuned.curve)


def onward(*curves: Sequence[dict[str, float]]) -> list[dict[str, float]]:
    every = [epoch for curve in curves for epoch in curve]
    return [epoch | {"epoch": float(place)} for place, epoch in enumerate(every, start=1)]


def lesson_of(pairs: Pairs, *, seed: int) -> Lesson:
    """Pairs with sides in random order, duplicates in both: which side is first says nothing."""
    texts = texts_of(pairs)
    swapped = np.random.default_rng(seed).random(len(pairs)) < 0.5
    sides: list[tuple[str, str]] = [
        (b, a) if turn else (a, b)
        for a, b, turn in zip(texts.first, texts.second, swapped, strict=True)
    ]
    same = np.flatnonzero(pairs.labels == 1)
    sides += [(sides[row][1], sides[row][0]) for row in same]
    first, second = zip(*sides, strict=True)
    labels: NDArray[np.int64] = np.concatenate([pairs.labels, np.ones(len(same), dtype=np.int64)])
    return Lesson(Texts(first, second), labels)
