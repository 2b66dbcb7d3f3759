"""Learn which category a query is about, from titles, category names and queries that sold.

    model = learn(examples, encoder=load_encoder(), names=categories)
    tuned = fine_tuned(examples, encoder=load_encoder(), knobs=read_head_knobs())

The weighing (words, meaning or both; nearest example or mean) is chosen by the rank of the right
category on folds of the examples given, groups of like queries whole; the chance is calibrated on
the same folds, and "unknown" begins where answers would be right less often than ANSWERED_RIGHT.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from governance.errors import InputError
from training.encoder.model import Encoder
from training.encoder.readable import readable
from training.fine_tuning.config import FineTuning, read_settings
from training.fine_tuning.lesson import Head, Lesson, Texts
from training.fine_tuning.train import Tuned, fine_tune
from training.query_category.model import (
    LENGTH,
    MOST_CHARACTERS,
    NAME,
    Examples,
    Floats,
    Nearness,
    QueryCategories,
    Weighing,
    chances,
    nearness,
    scores,
    word_features,
)

KNOBS_FILE = Path(__file__).with_name("query_category.yaml")
FOLDS = 4  # of the examples, on which the weighing is chosen
MOST_JUDGED = 2_000  # examples on which it is chosen: more changes no choice, only seconds
ANSWERED_RIGHT = 0.7  # share of answers that must be right; a filter that is wrong hides the goods
MEANINGS = (0.0, 0.3, 0.5, 0.7, 0.85, 1.0)
MEANS = (0.0, 0.25, 0.5, 1.0)
SHARPNESSES = tuple(np.geomspace(3, 100, 25).tolist())


def learn(
    examples: Examples, *, encoder: Encoder, names: Sequence[str] = (), seed: int = 0
) -> QueryCategories:
    """``names``: every category of the catalogue, each an example of itself."""
    if not len(examples) and not names:
        raise InputError("there are no categories to learn", where="examples", why="none is given")
    folds = folds_of(examples.texts, FOLDS, seed)
    judged = np.random.default_rng(seed).permutation(len(examples))[:MOST_JUDGED]
    parts: list[tuple[Nearness, NDArray[np.int64]]] = []
    categories = sorted({*names, *examples.categories})
    known = _vectors(_texts_of(examples, categories), encoder)
    for fold in range(FOLDS):
        tested = examples.take([row for row in judged if folds[row] == fold])
        rest = examples.take(np.flatnonzero(folds != fold))
        if len(tested) and len(rest):
            part = fit(rest, categories, known)  # a category without examples has its name
            right = np.searchsorted(categories, tested.categories).astype(np.int64)
            parts.append((nearness(part, tested.texts, encoder), right))
    weighing = _chosen(parts) if parts else Weighing(meaning=0.5, mean=0.0)
    return replace(fit(examples, categories, known), weighing=weighing)


def fit(examples: Examples, names: Sequence[str], vectors: Mapping[str, Floats]) -> QueryCategories:
    """Features of the examples and of every category's name; each text once per category."""
    pairs = sorted(_texts_of(examples, names))
    categories = tuple(sorted({category for category, _ in pairs}))
    texts = [text for _, text in pairs]
    rarity = _rarity(texts)
    return QueryCategories(
        categories=categories,
        place=np.searchsorted(categories, [category for category, _ in pairs]).astype(np.int64),
        words=word_features(texts, rarity),
        rarity=rarity,
        vectors=np.stack([vectors[text] for text in texts]),
        weighing=Weighing(meaning=0.5, mean=0.0),
    )


def folds_of(texts: Sequence[str], folds: int, seed: int) -> NDArray[np.int64]:
    """(N,) a fold each; texts of the same words in any order share one."""
    keys = [" ".join(sorted(readable(text).casefold().split())) for text in texts]
    groups = {key: place for place, key in enumerate(sorted(set(keys)))}
    drawn = np.random.default_rng(seed).permutation(len(groups)) % folds
    return np.array([drawn[groups[key]] for key in keys], dtype=np.int64)


def fine_tuned(
    examples: Examples,
    *,
    encoder: Encoder,
    knobs: FineTuning,
    progress: Callable[[str], None] = lambda _: None,
) -> Tuned:
    """A head of classes on the encoder instead of nearness: better only where classes are full."""
    head, taught, validation = head_lessons(examples, seed=knobs.seed)
    return fine_tune(encoder, head, taught, validation, knobs, progress=progress)


def head_lessons(examples: Examples, *, seed: int) -> tuple[Head, Lesson, Lesson]:
    """The head's classes, what is taught, and the eighth of like queries that validates."""
    lesson, head = _lesson(examples)
    is_validation = validation_rows(examples, seed=seed)
    taught = lesson.take(np.flatnonzero(~is_validation))
    return head, taught, lesson.take(np.flatnonzero(is_validation))


def validation_rows(examples: Examples, *, seed: int) -> NDArray[np.bool_]:
    """(N,) whether an example is of the eighth that validates; like queries on one side."""
    is_validation: NDArray[np.bool_] = folds_of(examples.texts, 8, seed) == 0
    return is_validation


def read_head_knobs(path: Path = KNOBS_FILE) -> FineTuning:
    """Knobs of the fine-tuned head; the file's first lines say what it costs."""
    return read_settings(path).training


def _texts_of(examples: Examples, names: Sequence[str]) -> set[tuple[str, str]]:
    """Category and text: the examples, and each name as an example of itself."""
    given = zip(examples.categories, examples.texts, strict=True)
    named = ((name, name.replace(" > ", " ")) for name in names)
    return {
        (category, readable(text, MOST_CHARACTERS).casefold())
        for category, text in (*given, *named)
    }


def _vectors(pairs: set[tuple[str, str]], encoder: Encoder) -> dict[str, Floats]:
    texts = sorted({text for _, text in pairs})
    return dict(zip(texts, encoder.embed(texts, length=LENGTH), strict=True))


def _lesson(examples: Examples) -> tuple[Lesson, Head]:
    categories = tuple(sorted(set(examples.categories)))
    labels = np.searchsorted(categories, examples.categories).astype(np.int64)
    return Lesson(Texts(examples.texts), labels), Head(NAME, "classes", categories)


def _chosen(parts: Sequence[tuple[Nearness, NDArray[np.int64]]]) -> Weighing:
    """The weighing of the best mean reciprocal rank, calibrated, with its threshold."""
    weighings = [Weighing(m, share) for m, share in itertools.product(MEANINGS, MEANS)]
    right = np.concatenate([labels for _, labels in parts])
    scored = [np.concatenate([scores(near, one) for near, _ in parts]) for one in weighings]
    best = int(np.argmax([_reciprocal_rank(one, right) for one in scored]))
    losses = [_loss(chances(scored[best], one), right) for one in SHARPNESSES]
    sharpness = SHARPNESSES[int(np.argmin(losses))]
    answered = chances(scored[best], sharpness)
    is_right = answered.argmax(1) == right
    return replace(
        weighings[best],
        sharpness=sharpness,
        unknown_below=_threshold(answered.max(1), is_right),
    )


def _threshold(sure: Floats, is_right: NDArray[np.bool_]) -> float:
    """The smallest chance from which on answers are right often enough; 1 where none is."""
    order = np.argsort(-sure, kind="stable")
    share = np.cumsum(is_right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(share >= ANSWERED_RIGHT)
    return float(sure[order[enough[-1]]]) if len(enough) else 1.0


def _reciprocal_rank(scored: Floats, right: NDArray[np.int64]) -> float:
    own = scored[np.arange(len(right)), right]
    return float(np.mean(1 / (1 + (scored > own[:, None]).sum(axis=1))))


def _loss(found: Floats, right: NDArray[np.int64]) -> float:
    return float(-np.log(np.maximum(found[np.arange(len(right)), right], 1e-9)).mean())


def _rarity(texts: Sequence[str]) -> Floats:
    counted = np.asarray((word_features(texts, None) > 0).sum(axis=0)).ravel()
    return (np.log((1 + len(texts)) / (1 + counted)) + 1).astype(np.float32)
