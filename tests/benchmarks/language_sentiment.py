"""Sentiment of reviews: AUC of "recommended" from title and text, beside TF-IDF with regression.

    python tests/benchmarks/language.py --task sentiment --data DIR --json FILE

DIR holds ``reviews.parquet`` (columns Title, Review Text, Recommended IND, Clothing ID), or is such
a file. A fifth of the items is judged: reviews of one item share its words, so a split by row would
let a model be right by knowing the item; copies of one text are on one side. Reviews without a word
are left out, as there is nothing to read in them. The floor is TF-IDF of 1- to 3-grams of words and
2- to 5-grams of characters with logistic regression, fitted on all that the model learns from; its
strength is chosen on items held out of the training side. The difference to it is drawn in the same
rows. Aspects are compared with ``tests/data/review_aspects.tsv``.
"""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from language_intervals import auc_figures, calibration_error
from language_sentiment_aspects import aspect_figures

from training.encoder.checkpoint import load_encoder
from training.sentiment.config import read_config
from training.sentiment.reviews import DEFAULT_DATA, held_out, read_reviews, texts_of
from training.sentiment.train import fit_sentiment

_JUDGED = 0.2
_QUICK_ROWS = 3_000


def measure(data: Path | None, *, quick: bool, work: Path) -> dict[str, Any]:
    """Figures on the items that were held out."""
    del work  # nothing is kept between runs
    reviews = read_reviews(data or DEFAULT_DATA)
    if quick:
        reviews = reviews.sample(min(_QUICK_ROWS, len(reviews)), random_state=0, ignore_index=True)
    joining, network = read_config()
    if quick:
        network = replace(network, epochs=1, length=64)
    out = held_out(reviews, _JUDGED, seed=1)
    taught, judged = reviews[~out].reset_index(drop=True), reviews[out].reset_index(drop=True)
    _say(f"{len(taught)} reviews teach, {len(judged)} of other items are judged")
    fitted = fit_sentiment(taught, load_encoder(), joining=joining, network=network, progress=_say)
    model = fitted.model
    texts, labels = texts_of(judged), judged["is_positive"].to_numpy(np.int64)
    found, floor = model.probabilities(texts), model.words.scores(texts)
    items = np.unique(judged["item_id"].astype(str), return_inverse=True)[1]
    figures: dict[str, Any] = auc_figures(found, labels, floor=floor, groups=items)
    figures["floors"] = {"tfidf_lr_auc": auc_figures(floor, labels)["auc"]}
    figures["calibration_error"] = calibration_error(found, labels)
    figures |= {"reviews_taught": len(taught), "reviews_judged": len(judged)}
    figures["aspects"] = aspect_figures(model)
    return figures


def _say(line: str) -> None:
    sys.stderr.write(f"sentiment: {line}\n")
