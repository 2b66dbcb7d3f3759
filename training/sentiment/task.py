"""Sentiment as ``counterfoil train sentiment`` learns and saves it: words, network and their line.

The edge where reviews are read and a bundle is written; ``train.py`` fits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from training.encoder.model import Encoder
from training.fine_tuning.config import FineTuning
from training.fine_tuning.taught import Progress, TaughtText, Teachable, Watch, teach_together
from training.sentiment.config import DEFAULT_FILE as KNOBS_FILE
from training.sentiment.config import Joining, read_settings
from training.sentiment.model import SentimentModel
from training.sentiment.model_file import SentimentBundle, save_sentiment
from training.sentiment.reviews import DEFAULT_DATA, read_reviews
from training.sentiment.train import FittedSentiment, network_lesson

__all__ = ["KNOBS_FILE", "read_settings", "save", "teach", "teachable"]


@dataclass(frozen=True)
class TaughtSentiment:
    """The whole model, and what it and its network reached on the reviews held out."""

    model: SentimentModel
    network: TaughtText
    metrics: dict[str, float]

    @property
    def curve(self) -> list[dict[str, float]]:
        return self.network.curve

    @property
    def examples(self) -> int:
        return self.network.examples


def teach(
    data: Path | None,
    *,
    encoder: Encoder,
    knobs: FineTuning,
    checkpoint: Path | None,
    progress: Progress,
    watch: Watch,
    joining: Joining,
) -> TaughtSentiment:
    """Learn from a file of reviews, or a folder that holds one."""
    lesson = teachable(data, knobs=knobs, progress=progress, joining=joining)
    return teach_together(
        [lesson], encoder, knobs, checkpoint=checkpoint, progress=progress, watch=watch
    )[0]


def teachable(
    data: Path | None,
    *,
    knobs: FineTuning,  # noqa: ARG001  # the split has a seed of its own
    progress: Progress,
    joining: Joining,
) -> Teachable[TaughtSentiment]:
    """The network's reviews; tuned, it is joined with the words."""
    lesson = network_lesson(read_reviews(data or DEFAULT_DATA), joining=joining, progress=progress)
    return Teachable(lesson.task, lambda tuned: _taught(lesson.finish(tuned)))


def save(
    bundles_dir: Path,
    taught: TaughtSentiment,
    *,
    facts: Mapping[str, object],
    pages: Mapping[str, str],
) -> SentimentBundle:
    """``bundles/sentiment/<version>``."""
    return save_sentiment(bundles_dir, taught.model, taught.network, facts=facts, pages=pages)


def _taught(fitted: FittedSentiment) -> TaughtSentiment:
    assert fitted.network is not None  # there was an encoder
    return TaughtSentiment(fitted.model, fitted.network, fitted.metrics)
