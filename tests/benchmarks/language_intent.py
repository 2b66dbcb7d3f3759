"""Intent of queries on a gold set: the fine-tuned encoder beside TF-IDF and rules (task intent).

Data: a TSV or CSV with columns query and label (buy, learn, compare, out_of_shop); without --data
the gold set under tests/data. Five folds, labels in equal shares, near duplicates in one fold; what
a fold chooses (epoch, C, weight of the fusion) it chooses on its own training side. ``transfer`` is
the model that ``counterfoil train intent`` makes without any of these queries. ``sessions`` are the
simulator's, each with a query of its intent, or one that keeps it to itself: text, acts, and both.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from language_intent_sessions import session_answers
from scipy.sparse import hstack
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegressionCV
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedGroupKFold, StratifiedShuffleSplit

from governance.settings import PROJECT_ROOT
from training.encoder.checkpoint import load_encoder
from training.encoder.model import Encoder
from training.fine_tuning.config import FineTuning
from training.fine_tuning.lesson import Lesson
from training.fine_tuning.train import fine_tune
from training.intent.lexicon import INTENTS, lexicon_intents
from training.intent.model import HEAD
from training.intent.train import default_knobs, read_queries, teach

GOLD = PROJECT_ROOT / "tests" / "data" / "intent" / "queries.tsv"
_FOLDS = {"full": 5, "quick": 2}
_QUICK_EPOCHS = 2
_ALIKE = 0.75  # share of common words from which two queries are one
_WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the encoder beside TF-IDF, in log space
_DRAWS = 1_000  # bootstrap samples of queries
_UNSEEN = float(np.log(1e-9))  # of an intent that no taught query has

Values = np.ndarray


def measure(data: Path | None, *, quick: bool, work: Path) -> dict[str, Any]:
    """Macro-F1 of every model with 95 % intervals, per class, and differences to TF-IDF."""
    del work
    lesson, encoder = read_queries(data or GOLD), load_encoder()
    knobs = replace(default_knobs(), epochs=_QUICK_EPOCHS) if quick else default_knobs()
    folds = _FOLDS["quick" if quick else "full"]
    unseen = _out_of_fold(lesson, encoder, knobs, folds=folds)
    said = {name: chances.argmax(axis=1) for name, chances in unseen.items()}
    taught = teach(None, encoder=encoder, knobs=knobs, progress=_tell)
    said["transfer"] = taught.model.probabilities(lesson.texts).argmax(axis=1)
    said["lexicon"] = lexicon_intents(lesson.texts.first)
    found = {name: _judged(lesson.labels, each) for name, each in said.items()}
    for name, figures in found.items():
        sys.stderr.write(f"intent, {name}: macro-F1 {figures['macro_f1']:.4f}\n")
    better = _difference(lesson.labels, said["fused"], said["tf_idf"])
    has_all = len(np.unique(lesson.labels)) == len(INTENTS)  # else some session has no query
    wanted, of_sessions = (
        session_answers(unseen["encoder"], lesson.labels, quick=quick)
        if has_all
        else (np.empty(0, np.int64), {})
    )
    return {
        **found["fused"],
        "queries": len(lesson),
        "above_tf_idf": better,
        "models": {name: found[name] for name in ("encoder", "transfer")},
        "floors": {name: found[name] for name in ("tf_idf", "lexicon")},
        "sessions": {name: _judged(wanted, each) for name, each in of_sessions.items()},
    }


def _out_of_fold(
    lesson: Lesson, encoder: Encoder, knobs: FineTuning, *, folds: int
) -> dict[str, Values]:
    """Log probabilities that each model gives to the queries it has not seen."""
    shape = (len(lesson), len(INTENTS))
    said = {name: np.zeros(shape) for name in ("encoder", "tf_idf", "fused")}
    split = StratifiedGroupKFold(folds, shuffle=True, random_state=0)
    groups = near_duplicates(lesson.texts.first)
    for fold, (train, test) in enumerate(split.split(groups, lesson.labels, groups)):
        sys.stderr.write(f"intent, fold {fold + 1} of {folds}\n")
        chances = _fold(lesson.take(train), lesson.take(test), encoder, knobs)
        for name, of_test in chances.items():
            said[name][test] = of_test
    return said


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _fold(taught: Lesson, asked: Lesson, encoder: Encoder, knobs: FineTuning) -> dict[str, Values]:
    inner = StratifiedShuffleSplit(1, test_size=0.15, random_state=0)
    learned, kept = next(inner.split(np.zeros(len(taught)), taught.labels))
    validation = taught.take(kept)
    tuned = fine_tune(encoder, HEAD, taught.take(learned), validation, knobs).model
    (of_validation,) = _tf_idf(taught.take(learned), validation)
    right = np.arange(len(validation)), validation.labels
    network = np.log(tuned.probabilities(validation.texts) + 1e-6)
    losses = [-_mixed(network, of_validation, w)[right].mean() for w in _WEIGHTS]
    weight = _WEIGHTS[int(np.argmin(losses))]
    (words,) = _tf_idf(taught, asked)
    of_test = np.log(tuned.probabilities(asked.texts) + 1e-6)
    return {"encoder": of_test, "tf_idf": words, "fused": _mixed(of_test, words, weight)}


def _tf_idf(taught: Lesson, *asked: Lesson) -> list[Values]:
    """Log probabilities by words, pairs of words and letters; C is chosen inside ``taught``."""
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\S+")
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    rows = hstack(
        [words.fit_transform(taught.texts.first), letters.fit_transform(taught.texts.first)]
    )
    model = LogisticRegressionCV(
        Cs=np.logspace(0, 3, 5), cv=3, scoring="f1_macro", class_weight="balanced",
        max_iter=2_000, l1_ratios=(0.0,), use_legacy_attributes=False,
    )  # fmt: skip
    model.fit(rows.tocsr(), taught.labels)
    found = []
    for lesson in asked:
        texts = lesson.texts.first
        said = np.full((len(texts), len(INTENTS)), _UNSEEN)
        asked_rows = hstack([words.transform(texts), letters.transform(texts)])
        said[:, model.classes_] = model.predict_log_proba(asked_rows)
        found.append(said)
    return found


def _mixed(network: Values, words: Values, weight: float) -> Values:
    mixed = weight * network + (1 - weight) * words
    return mixed - np.logaddexp.reduce(mixed, axis=1, keepdims=True)


def near_duplicates(queries: Sequence[str]) -> Values:
    """A group for each query: those that share most of their words are in one."""
    words = [frozenset(query.casefold().split()) for query in queries]
    alike = np.zeros((len(words), len(words)), dtype=bool)
    for row, one in enumerate(words):
        for column in range(row):
            other = words[column]
            alike[row, column] = len(one & other) >= _ALIKE * len(one | other)
    return connected_components(alike, directed=False)[1]


def _judged(labels: Values, said: Values) -> dict[str, Any]:
    each = f1_score(labels, said, average=None, labels=range(len(INTENTS)), zero_division=0)
    draws = _bootstrap(len(labels), lambda rows: _macro(labels[rows], said[rows]))
    low, high = np.quantile(draws, (0.025, 0.975))
    figures = {"macro_f1": _macro(labels, said), "macro_f1_low": low, "macro_f1_high": high}
    figures |= {f"f1_{name}": value for name, value in zip(INTENTS, each, strict=True)}
    return {name: round(float(value), 4) for name, value in figures.items()}


def _difference(labels: Values, one: Values, other: Values) -> dict[str, float]:
    """Macro-F1 of one above the other on the same queries, with the paired interval."""
    draws = _bootstrap(
        len(labels),
        lambda rows: _macro(labels[rows], one[rows]) - _macro(labels[rows], other[rows]),
    )
    low, high = np.quantile(draws, (0.025, 0.975))
    mean = _macro(labels, one) - _macro(labels, other)
    return {"mean": round(mean, 4), "low": round(float(low), 4), "high": round(float(high), 4)}


def _bootstrap(rows: int, figure: Any) -> Values:
    draw = np.random.default_rng(0)
    return np.array([figure(draw.integers(0, rows, rows)) for _ in range(_DRAWS)])


def _macro(labels: Values, said: Values) -> float:
    return float(f1_score(labels, said, average="macro", zero_division=0))
