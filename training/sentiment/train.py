"""Learn sentiment from reviews whose writers said whether they recommend the item.

Dimensions: N reviews. A share of the items is held out: their reviews stop the network and fit the
line that joins network and words, and neither had learned from them. Items are whole, since
reviews of one item share its words, and copies of one text stay together.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from governance.errors import InputError
from training.encoder.model import Encoder
from training.fine_tuning.config import FineTuning
from training.fine_tuning.lesson import Lesson, Texts
from training.fine_tuning.task import Task
from training.fine_tuning.taught import (
    Progress,
    TaughtText,
    Teachable,
    Watch,
    judge_taught,
    teach_together,
)
from training.fine_tuning.train import Tuned
from training.sentiment.config import Joining
from training.sentiment.model import HEAD, SentimentModel, network_scores
from training.sentiment.reviews import held_out, texts_of
from training.sentiment.words import Doubles, Ints, WordModel, fit_each, fit_words

STRENGTHS = (0.5, 1.0, 2.0, 4.0, 8.0)  # of the word weights; AUC is flat between neighbours
_LEAST_EACH = 10  # reviews of each kind, or a part may hold none of one


@dataclass(frozen=True)
class Parts:
    """Lessons of the training side: what teaches, and what stops and joins."""

    taught: Lesson
    validation: Lesson


def parts_of(reviews: pd.DataFrame, joining: Joining) -> Parts:
    """Split by item; InputError where there is too little of one kind."""
    counts = np.bincount(reviews["is_positive"], minlength=2)
    if counts.min() < _LEAST_EACH:
        raise InputError(
            f"{counts[1]} positive and {counts[0]} negative reviews are too few to learn from",
            where="reviews",
            why=f"at least {_LEAST_EACH} of each are needed",
        )
    whole = Lesson(Texts(tuple(texts_of(reviews))), reviews["is_positive"].to_numpy(np.int64))
    out = held_out(reviews, joining.held_out, seed=joining.seed)
    parts = Parts(whole.take(np.flatnonzero(~out)), whole.take(np.flatnonzero(out)))
    if min(len(set(_labels(part).tolist())) for part in (parts.taught, parts.validation)) < 2:
        raise InputError(
            "the items held out, or the others, have reviews of one kind only",
            where="reviews",
            next_step="give reviews of more items",
        )
    return parts


@dataclass(frozen=True)
class FittedSentiment:
    """The model, its network as it was taught, and figures on the reviews that joined both."""

    model: SentimentModel
    network: TaughtText | None
    metrics: dict[str, float]


def fit_sentiment(
    reviews: pd.DataFrame,
    encoder: Encoder | None,
    *,
    joining: Joining,
    network: FineTuning,
    checkpoint: Path | None = None,
    progress: Progress = lambda _: None,
    watch: Watch = lambda _: None,
) -> FittedSentiment:
    """``reviews`` as :func:`training.sentiment.reviews.labelled` gives them.

    Without an encoder the words alone decide. They are fitted once more on all reviews at the end.
    With ``checkpoint`` a killed training of the network goes on after its last epoch.
    """
    if encoder is None:
        return _joined(reviews, parts_of(reviews, joining), None, progress)
    lesson = network_lesson(reviews, joining=joining, progress=progress)
    return teach_together(
        [lesson], encoder, network, checkpoint=checkpoint, progress=progress, watch=watch
    )[0]


def network_lesson(
    reviews: pd.DataFrame, *, joining: Joining, progress: Progress
) -> Teachable[FittedSentiment]:
    """What the network learns; once it is tuned, words are fitted and joined with it."""
    parts = parts_of(reviews, joining)

    def finish(tuned: Tuned) -> FittedSentiment:
        return _joined(reviews, parts, judge_taught(tuned, parts.validation), progress)

    return Teachable(Task(HEAD, parts.taught, parts.validation), finish)


def _joined(
    reviews: pd.DataFrame, parts: Parts, taught: TaughtText | None, progress: Progress
) -> FittedSentiment:
    """Words, the network if there is one, and the line of both on the reviews held out."""
    labels, texts = _labels(parts.validation), parts.validation.texts.first
    words, strength = _best_words(parts)
    progress(f"sentiment by words: strength {strength:g} was best on held-out items")
    columns = [words.scores(texts)]
    if taught is not None:
        columns.append(network_scores(taught.model, texts))
    scores = np.column_stack(columns)
    weights, offset = _line(scores, labels)
    progress(f"sentiment joins with weights {np.round(weights, 3).tolist()} (words, network)")
    model = SentimentModel(
        network=taught.model if taught else None,
        words=fit_words(texts_of(reviews), reviews["is_positive"].to_numpy(), strength=strength),
        word_weight=float(weights[0]),
        network_weight=float(weights[1]) if taught else 0.0,
        offset=offset,
        usual_odds=_odds(reviews["is_positive"]),
    )
    return FittedSentiment(model, taught, _metrics(taught, scores, weights, labels))


def _metrics(
    taught: TaughtText | None, scores: Doubles, weights: Doubles, labels: Ints
) -> dict[str, float]:
    """AUC of both joined and of each alone, and the network's own figures."""
    found = {"auc": float(roc_auc_score(labels, scores @ weights))}
    for name, column in zip(("words_auc", "network_auc"), scores.T, strict=False):
        found[name] = float(roc_auc_score(labels, column))
    return found | (taught.metrics if taught else {})


def _best_words(parts: Parts) -> tuple[WordModel, float]:
    """The word model of the strength that orders the held-out reviews best, and that strength."""
    texts, labels = parts.validation.texts.first, _labels(parts.validation)
    best, kept = -1.0, None
    models = fit_each(parts.taught.texts.first, _labels(parts.taught), STRENGTHS)
    for strength, words in zip(STRENGTHS, models, strict=True):
        if (reached := float(roc_auc_score(labels, words.scores(texts)))) > best:
            best, kept = reached, (words, strength)
    assert kept is not None  # every AUC is above -1
    return kept


def _line(scores: Doubles, labels: Ints) -> tuple[Doubles, float]:
    line = LogisticRegression(C=1.0).fit(scores, labels)
    return line.coef_[0].astype(np.float64), float(line.intercept_[0])


def _odds(labels: "pd.Series[int]") -> float:
    share = float(labels.mean())
    return float(np.log(share / (1 - share)))


def _labels(lesson: Lesson) -> Ints:
    assert lesson.labels is not None  # a lesson of classes has them
    return lesson.labels
