"""Fit the finder of personal data: augmented sentences, one tagger, a threshold for each kind.

    finder = fit(load_encoder(), read_sentences(path), read_config(), tuning, progress=print)

With ``held_out`` a share of the groups is not learned from; on it each kind's threshold with the
highest F2 is chosen, recall weighing twice. Without, ``least`` holds for all. No text is logged.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from governance.errors import InputError
from training.encoder.model import Encoder
from training.fine_tuning.config import FineTuning
from training.fine_tuning.lesson import Head, Lesson
from training.fine_tuning.train import fine_tune
from training.personal_data.augment import as_lesson, augmented
from training.personal_data.config import PersonalDataConfig
from training.personal_data.found import Found
from training.personal_data.marked import Marked, Sentences
from training.personal_data.model import PersonalData
from training.personal_data.tagger import Tagger, read_by

_LEAST = (0.0, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_FEWEST = 10  # true spans of a kind below which its threshold would be chosen by chance
_OVERLAP = 0.9  # intersection over union from which a span is right

Judged = tuple[tuple[Found, ...], list[Found]]  # of one sentence: true and found


def fit(
    encoder: Encoder,
    sentences: Sentences,
    knobs: PersonalDataConfig,
    tuning: FineTuning,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> PersonalData:
    """Patterns and a tagger of the kinds that the sentences mark."""
    marked, head = sentences.marked, head_of(sentences.marked)
    kept = held_out(sentences.groups, share=knobs.held_out, seed=knobs.seed)
    taught = [one for row, one in enumerate(marked) if row not in kept]
    lesson = lesson_of(encoder, taught, head, knobs)
    tuned = fine_tune(encoder, head, lesson, None, reachable(tuning, encoder), progress=progress)
    judged = _judged(
        Tagger(tuned.model, begins=knobs.begins), [marked[row] for row in sorted(kept)]
    )
    chosen = thresholds(judged, head.labels)
    least = {kind: chosen.get(kind, knobs.least) for kind in head.labels}
    return PersonalData(Tagger(tuned.model, least, knobs.begins), frozenset(head.labels))


def head_of(marked: Sequence[Marked]) -> Head:
    """A mark for each kind that is marked anywhere; InputError where none is."""
    kinds = tuple(sorted({span.label for _, spans in marked for span in spans}))
    if not kinds:
        raise InputError("no sentence has a span", why="there is nothing to learn from")
    return Head("personal-data", "tokens", kinds)


def lesson_of(
    encoder: Encoder, taught: Sequence[Marked], head: Head, knobs: PersonalDataConfig
) -> Lesson:
    """The sentences and what is made from them, as this encoder's tokenizer reads them."""
    more = augmented(taught, head.labels, copies=knobs.copies, shop=knobs.shop, seed=knobs.seed)
    return as_lesson(more, partial(read_by, encoder.tokenizer))


def reachable(tuning: FineTuning, encoder: Encoder) -> FineTuning:
    """No longer than the encoder can read."""
    reach = int(encoder.network.config.max_position_embeddings)  # type: ignore[union-attr, arg-type]
    return replace(tuning, length=min(tuning.length, reach))


def held_out(groups: Sequence[int], *, share: float, seed: int) -> frozenset[int]:
    """Rows of a ``share`` of the groups."""
    order = np.random.default_rng((seed, 2)).permutation(np.unique(groups))
    own = set(order[: round(share * len(order))].tolist())
    return frozenset(row for row, group in enumerate(groups) if group in own)


def thresholds(judged: Sequence[Judged], kinds: Sequence[str]) -> dict[str, float]:
    """Of each kind with enough true spans, the least confidence that gives the highest F2."""
    chosen = {}
    for kind in kinds:
        true, found = 0, []
        for truth, spans in judged:
            right = [t for t in truth if t.kind == kind]
            true += len(right)
            found += [(s.confidence, _is_right(s, right)) for s in spans if s.kind == kind]
        if true >= _FEWEST:
            chosen[kind] = max(_LEAST, key=lambda least: _f2(true, found, least))
    return chosen


def _f2(true: int, found: Sequence[tuple[float, bool]], least: float) -> float:
    kept = [is_right for sure, is_right in found if sure >= least]
    return 5 * sum(kept) / (4 * true + len(kept))


def _is_right(span: Found, true: Sequence[Found]) -> bool:
    for one in true:
        shared = min(span.end, one.end) - max(span.start, one.start)
        if shared >= _OVERLAP * (max(span.end, one.end) - min(span.start, one.start)):
            return True
    return False


def _judged(tagger: Tagger, marked: Sequence[Marked]) -> list[Judged]:
    found = tagger.find([text for text, _ in marked])
    return [
        (tuple(Found(span.start, span.end, span.label) for span in spans), of)
        for (_, spans), of in zip(marked, found, strict=True)
    ]
