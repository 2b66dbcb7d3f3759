"""A query's category: top-1, top-3, calibration and coverage, by cross-validation over queries.

``--data`` is a csv or tsv with a column ``query`` and a column ``query_class``, ``class`` or
``category``, or a folder with query.csv. Queries of the same words share a fold; the names of all
classes are given, as a shop knows its categories, but no query of the tested fold. The second part,
``catalogue``, needs no queries: titles of the default shop's product types are taught with their
category, and queries made from withheld titles (words dropped, letters lost) are judged.
Floors: the most frequent class, TF-IDF nearest, TF-IDF with logistic regression.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from governance.settings import PROJECT_ROOT
from training.encoder.checkpoint import load_encoder
from training.encoder.model import Encoder
from training.fine_tuning.lesson import Texts
from training.query_category.model import Examples, Weighing, chances, nearness, scores
from training.query_category.query_file import packaged_titles, read_queries
from training.query_category.train import fine_tuned, folds_of, learn, read_head_knobs

DEFAULT = PROJECT_ROOT.parent / "shared" / "data" / "wayfair_queries" / "query.csv"
FOLDS = 5
SEED = 7  # of the folds; no knob was chosen with it
Found = NDArray[np.float32]


def measure(data: Path | None, *, quick: bool, work: Path) -> dict[str, Any]:
    """Figures over all tested queries of all folds, and of the catalogue's own titles."""
    del work
    examples = read_queries(data or DEFAULT)
    encoder = load_encoder()
    figures = _cross_validated(examples, encoder, has_tuned=not quick)
    figures["catalogue"] = _of_catalogue(encoder, quick=quick)
    return figures


def _cross_validated(examples: Examples, encoder: Encoder, *, has_tuned: bool) -> dict[str, Any]:
    names = sorted(set(examples.categories))
    right = np.searchsorted(names, examples.categories)
    folds = folds_of(examples.texts, FOLDS, SEED)
    ways = ("kept", "words", "frozen", "logistic", "frequent", *(("tuned",) if has_tuned else ()))
    found = {way: np.zeros((len(examples), len(names)), np.float32) for way in ways}
    is_answered = np.zeros(len(examples), bool)
    weighings = []
    for fold in range(FOLDS):
        rows = np.flatnonzero(folds == fold)
        taught = examples.take(np.flatnonzero(folds != fold))
        texts = examples.take(rows).texts
        model = learn(taught, encoder=encoder, names=names)
        near = nearness(model, texts, encoder)
        found["kept"][rows] = model.probabilities(texts, encoder)
        found["words"][rows] = chances(scores(near, Weighing(0.0, 0.0)), 20)
        found["frozen"][rows] = chances(scores(near, Weighing(1.0, 0.0)), 20)
        found["logistic"][rows] = _logistic(taught, texts, names)
        found["frequent"][rows] = [taught.categories.count(name) for name in names]
        is_answered[rows] = found["kept"][rows].max(1) >= model.weighing.unknown_below
        if has_tuned:
            found["tuned"][rows] = _tuned(taught, texts, names, encoder)
        weighings.append((model.weighing.meaning, model.weighing.mean))
        sys.stderr.write(f"query-category fold {fold + 1} of {FOLDS}\n")
    figures = _figures(found["kept"], right, is_answered)
    figures["weighings"] = weighings
    figures["classes"], figures["queries"] = len(names), len(examples)
    figures["floors"] = {
        f"{way}_top_{k}": _top(found[way], right, k) for way in ways[1:] for k in (1, 3)
    }
    return figures


def _of_catalogue(encoder: Encoder, *, quick: bool) -> dict[str, Any]:
    """Product types of the default shop: a fifth is withheld and asked for by noisy words."""
    examples = packaged_titles()
    if quick:
        kept = np.random.default_rng(SEED).permutation(len(examples))[:800]
        examples = examples.take(kept)
    is_out = folds_of(examples.texts, FOLDS, SEED) == 0
    taught, tested = examples.take(np.flatnonzero(~is_out)), examples.take(np.flatnonzero(is_out))
    names = sorted(set(examples.categories))
    right = np.searchsorted(names, tested.categories)
    draw = np.random.default_rng(SEED)
    queries = [_noisy(title, draw) for title in tested.texts]
    model = learn(taught, encoder=encoder, names=names)
    found = model.probabilities(queries, encoder)
    figures = _figures(found, right, found.max(1) >= model.weighing.unknown_below)
    floor = _logistic(taught, queries, names)
    near = scores(nearness(model, queries, encoder), Weighing(0.0, 0.0))
    figures["floors"] = {
        "logistic_top_1": _top(floor, right, 1),
        "words_top_1": _top(near, right, 1),
    }
    return figures | {"classes": len(names), "queries": len(queries)}


def _logistic(taught: Examples, texts: Any, names: list[str]) -> Found:
    own = [name.casefold() for name in names]  # the same knowledge: each class's name is taught too
    features = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    read = features.fit_transform([text.casefold() for text in taught.texts] + own)
    labels = np.searchsorted(names, [*taught.categories, *names])
    model = LogisticRegression(C=30, max_iter=300).fit(read, labels)
    return np.asarray(model.predict_proba(features.transform(texts)), dtype=np.float32)


def _tuned(taught: Examples, texts: Any, names: list[str], encoder: Encoder) -> Found:
    both = Examples((*taught.texts, *names), (*taught.categories, *names))
    tuned = fine_tuned(both, encoder=encoder, knobs=read_head_knobs())
    return tuned.model.probabilities(Texts(tuple(texts)))


def _figures(found: Found, right: NDArray[Any], is_answered: NDArray[Any]) -> dict[str, Any]:
    sure, is_right = found.max(1), found.argmax(1) == right
    draw = np.random.default_rng(0)
    drawn = [is_right[draw.integers(len(right), size=len(right))].mean() for _ in range(1_000)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return {
        "top_1": _top(found, right, 1),
        "top_1_low": round(float(low), 4),
        "top_1_high": round(float(high), 4),
        "top_3": _top(found, right, 3),
        "calibration_error": round(_calibration_error(sure, is_right), 4),
        "answered": round(float(is_answered.mean()), 4),
        "top_1_of_answered": round(float(is_right[is_answered].mean()), 4)
        if is_answered.any()
        else 0.0,
    }


def _top(found: Found, right: NDArray[Any], k: int) -> float:
    best = np.argsort(-found, axis=1, kind="stable")[:, :k]
    return round(float((best == right[:, None]).any(axis=1).mean()), 4)


def _calibration_error(sure: Found, is_right: NDArray[Any], bins: int = 10) -> float:
    """Expected calibration error: bins of equal counts."""
    parts = np.array_split(np.argsort(sure, kind="stable"), bins)
    gaps = [len(p) * abs(sure[p].mean() - is_right[p].mean()) for p in parts if len(p)]
    return float(sum(gaps) / len(sure))


def _noisy(title: str, draw: np.random.Generator) -> str:
    """A third of the words dropped, one letter of one word lost in a fifth of queries."""
    words = title.casefold().replace("/", " ").split()
    kept = [word for word in words if draw.random() > 1 / 3] or words[:1]
    place = int(draw.integers(len(kept)))
    if draw.random() < 0.2 and len(kept[place]) > 3:
        at = int(draw.integers(1, len(kept[place])))
        kept[place] = kept[place][:at] + kept[place][at + 1 :]
    return " ".join(kept)
