"""Personal data in text: span F2 by cross-validation, floors, canaries, false alarms, speed.

    python tests/benchmarks/language.py --task personal-data --data FILE --json FILE [--quick]

Data: a JSON list of marked sentences (``training/personal_data/marked.py``) or a folder with one
such file. Folds keep the sentences of a template together:
``f2`` is of sentences unlike any that was learned from, and is the figure of the bar.
``random_folds`` splits sentences at random, so that most templates were seen: easier, printed
beside it. What counts as right: ``language_personal_data_spans.py``.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from language_personal_data_shop import shop_figures
from language_personal_data_spans import Counts, Mark, characters, counted, f2_interval, published

from training.encoder.checkpoint import load_encoder
from training.encoder.model import Encoder
from training.fine_tuning.config import FineTuning, read_settings
from training.personal_data.config import TUNING_FILE, PersonalDataConfig, read_config
from training.personal_data.marked import Marked, Sentences, read_sentences
from training.personal_data.model import PersonalData
from training.personal_data.train import fit

FOLDS, QUICK_FOLDS = 5, 2
_DEFAULT = Path(__file__).parents[2].parent / "shared" / "data" / "pii_sentences"
_RANDOM_FOLDS = 3  # of the five, to end within a quarter of an hour
_PLAIN_EPOCHS = 6  # of the tagger without augmentation: as many steps as it can use


@dataclass(frozen=True)
class How:
    """With which knobs a tagger learns."""

    knobs: PersonalDataConfig
    tuning: FineTuning


@dataclass(frozen=True)
class Judged:
    """Counts of each text under each definition, in the order of the texts."""

    typed: tuple[Counts, ...]
    any_kind: tuple[Counts, ...]
    published: tuple[Counts, ...]
    characters: tuple[Counts, ...]
    by_kind: dict[str, Counts]
    groups: tuple[int, ...]  # of each text: the template that it was made from

    def figures(self) -> dict[str, Any]:
        pooled, covered = sum(self.typed, Counts()), sum(self.characters, Counts())
        low, high = f2_interval(self.typed, self.groups)
        return {
            "f2": round(pooled.f2, 4),
            "f2_low": round(low, 4),
            "f2_high": round(high, 4),
            "precision": round(pooled.precision, 4),
            "recall": round(pooled.recall, 4),
            "f2_any_kind": round(sum(self.any_kind, Counts()).f2, 4),
            "f2_published_definition": round(sum(self.published, Counts()).f2, 4),
            "character_recall": round(covered.recall, 4),
            "character_precision": round(covered.precision, 4),
        }


def measure(data: Path | None, *, quick: bool, work: Path) -> dict[str, Any]:
    """The figures of personal data; ``work`` is not needed, a run is short."""
    del work
    data = data or _DEFAULT
    sentences = read_sentences(data)
    marked, groups = sentences.marked, sentences.groups
    encoder, how = load_encoder(), How(read_config(), read_settings(TUNING_FILE).training)
    if quick:
        how = How(replace(how.knobs, copies=1, shop=200), replace(how.tuning, epochs=2))
    folds = QUICK_FOLDS if quick else FOLDS
    by_template = fold_of(groups, folds)
    run = partial(cross_validated, encoder, sentences)
    judged, finder = run(by_template, how, name="by template", most=1 if quick else folds)
    figures = judged.figures() | {
        "by_kind": {
            kind: {"f2": round(c.f2, 4), "true": c.true, "found": c.found, "both": c.both}
            for kind, c in sorted(judged.by_kind.items())
        }
    }
    found = PersonalData(kinds=finder.kinds).find([text for text, _ in marked])
    patterns = judge(marked, found, groups)
    beside = data.parent if data.is_dir() else data.parent.parent
    figures["floors"] = {"patterns_f2": patterns.figures()["f2"]}
    if not quick:
        bare = How(replace(how.knobs, copies=0, shop=0), replace(how.tuning, epochs=_PLAIN_EPOCHS))
        plain, _ = run(by_template, bare, name="plain", only_tagger=True)
        at_random = fold_of(np.arange(len(marked)), folds)
        figures["floors"]["tagger_without_augmentation_f2"] = plain.figures()["f2"]
        seen, _ = run(at_random, how, name="at random", most=_RANDOM_FOLDS)
        figures["random_folds"] = seen.figures() | {"folds": _RANDOM_FOLDS}
    return figures | shop_figures(finder, beside, quick=quick)


def fold_of(groups: Sequence[int] | np.ndarray, folds: int) -> np.ndarray:
    """(N,) the fold of each row; the rows of a group share one."""
    order = np.random.default_rng(0).permutation(np.unique(groups))
    place = {int(group): at % folds for at, group in enumerate(order)}
    return np.array([place[int(group)] for group in groups])


def cross_validated(
    encoder: Encoder,
    sentences: Sentences,
    fold: np.ndarray,
    how: How,
    *,
    name: str,
    most: int = FOLDS,
    only_tagger: bool = False,
) -> tuple[Judged, PersonalData]:
    """Every sentence judged by a model that did not learn its fold; the last model."""
    marked, groups = sentences.marked, sentences.groups
    told: list[Marked] = []
    found: list[Any] = []
    of: list[int] = []
    for number in range(min(int(fold.max()) + 1, most)):
        taught, judged = (
            np.flatnonzero(fold != number).tolist(),
            np.flatnonzero(fold == number).tolist(),
        )
        lesson = Sentences([marked[row] for row in taught], [groups[row] for row in taught])
        say = partial(_progress, f"{name} {number + 1}")
        finder = fit(encoder, lesson, how.knobs, how.tuning, progress=say)
        told += [marked[row] for row in judged]
        of += [groups[row] for row in judged]
        texts = [marked[row][0] for row in judged]
        found += finder.tagger.find(texts) if only_tagger and finder.tagger else finder.find(texts)
        _progress(name, f"F2 until here {judge(told, found, of).figures()['f2']:.3f}")
    return judge(told, found, of), finder


def judge(marked: Sequence[Marked], found: Sequence[Any], groups: Sequence[int]) -> Judged:
    """What was found in each text against what is true."""
    typed, any_kind, merged, covered, kinds = [], [], [], [], dict[str, Counts]()
    for (text, spans), of in zip(marked, found, strict=True):
        true: list[Mark] = [(s.start, s.end, s.label) for s in spans]
        said: list[Mark] = [(f.start, f.end, f.kind) for f in of]
        typed.append(counted(true, said))
        any_kind.append(counted(true, said, any_kind=True))
        merged.append(published(text, true, said))
        covered.append(characters(true, said))
        for kind in {mark[2] for mark in (*true, *said)}:
            own = [[m for m in marks if m[2] == kind] for marks in (true, said)]
            kinds[kind] = kinds.get(kind, Counts()) + counted(own[0], own[1])
    return Judged(
        tuple(typed), tuple(any_kind), tuple(merged), tuple(covered), kinds, tuple(groups)
    )


def _progress(name: str, said: str) -> None:
    sys.stderr.write(f"personal-data, {name}: {said}\n")
    sys.stderr.flush()
