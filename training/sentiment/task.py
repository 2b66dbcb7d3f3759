"""Sentiment as ``counterfoil train sentiment`` learns and saves it: words, network and their line.

The edge where reviews are read and a bundle is written; ``train.py`` fits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from training.encoder.model import Encoder
from training.fine_tuning.config import FineTuning
from training.fine_tuning.taught import Progress, TaughtText, Watch
from training.sentiment.config import DEFAULT_FILE as KNOBS_FILE
from training.sentiment.config import Joining, read_settings
from training.sentiment.model import SentimentModel
from training.sentiment.model_file import SentimentBundle, save_sentiment
from training.sentiment.reviews import DEFAULT_DATA, read_reviews
from training.sentiment.train import fit_sentiment

__all__ = ["KNOBS_FILE", "read_settings", "save", "teach"]


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
    fitted = fit_sentiment(
        read_reviews(data or DEFAULT_DATA), encoder, joining=joining, network=knobs,
        checkpoint=checkpoint, progress=progress, watch=watch,
    )  # fmt: skip
    assert fitted.network is not None  # there was an encoder
    return TaughtSentiment(fitted.model, fitted.network, fitted.metrics)


def save(
    bundles_dir: Path,
    taught: TaughtSentiment,
    *,
    facts: Mapping[str, object],
    pages: Mapping[str, str],
) -> SentimentBundle:
    """``bundles/sentiment/<version>``."""
    return save_sentiment(bundles_dir, taught.model, taught.network, facts=facts, pages=pages)
