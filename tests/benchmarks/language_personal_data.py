"""Personal data in text: span F2 by cross-validation, floors, canaries, false alarms, speed.

    python tests/benchmarks/language.py --task personal-data --data FILE --json FILE [--quick]

Data: a JSON list of ``{full_text, spans: [{entity_type, start_position, end_position}],
template_id}`` or a folder with one such file. Folds keep the sentences of a template together:
``f2`` is of sentences unlike any that was learned from, and is the figure of the bar.
``random_folds`` splits sentences at random, so that most templates were seen: easier, printed
beside it. What counts as right: ``language_personal_data_spans.py``.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from language_personal_data_shop import shop_figures
from language_personal_data_spans import Counts, Mark, characters, counted, f2_interval, published

from governance.errors import InputError
from training.encoder.checkpoint import load_encoder
from training.encoder.model import Encoder
from training.fine_tuning.lesson import Span
from training.personal_data.config import PersonalDataConfig, read_config
from training.personal_data.marked import Marked
from training.personal_data.model import PersonalData
from training.personal_data.train import fit

FOLDS, QUICK_FOLDS = 5, 2
_DEFAULT = Path(__file__).parents[2].parent / "shared" / "data" / "pii_sentences"
_RANDOM_FOLDS = 3  # of the five, to end within a quarter of an hour
_PLAIN = {"copies": 0, "shop": 0, "epochs": 6}  # the tagger as it learns without augmentation


@dataclass(frozen=True)
class Judged:
    """Counts of each text under each definition, in the order of the texts."""

    typed: tuple[Counts, ...]
    any_kind: tuple[Counts, ...]
    published: tuple[Counts, ...]
    characters: tuple[Counts, ...]
    by_kind: dict[str, Counts]

    def figures(self) -> dict[str, Any]:
        pooled, covered = sum(self.typed, Counts()), sum(self.characters, Counts())
        low, high = f2_interval(self.typed)
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
    marked, groups = read_sentences(data)
    encoder, knobs = load_encoder(), read_config()
    if quick:
        knobs = replace(knobs, copies=1, shop=200, epochs=2)
    folds = QUICK_FOLDS if quick else FOLDS
    by_template = fold_of(groups, folds)
    run = partial(cross_validated, encoder, marked, groups)
    judged, finder = run(by_template, knobs, name="by template", most=1 if quick else folds)
    figures = judged.figures() | {
        "by_kind": {
            kind: {"f2": round(c.f2, 4), "true": c.true, "found": c.found, "both": c.both}
            for kind, c in sorted(judged.by_kind.items())
        }
    }
    patterns = judge(marked, PersonalData(kinds=finder.kinds).find([t for t, _ in marked]))
    beside = data.parent if data.is_dir() else data.parent.parent
    figures["floors"] = {"patterns_f2": patterns.figures()["f2"]}
    if not quick:
        plain, _ = run(by_template, replace(knobs, **_PLAIN), name="plain", only_tagger=True)
        at_random = fold_of(np.arange(len(marked)), folds)
        figures["floors"]["tagger_without_augmentation_f2"] = plain.figures()["f2"]
        seen, _ = run(at_random, knobs, name="at random", most=_RANDOM_FOLDS)
        figures["random_folds"] = seen.figures() | {"folds": _RANDOM_FOLDS}
    return figures | shop_figures(finder, beside, quick=quick)


def read_sentences(data: Path) -> tuple[list[Marked], list[int]]:
    """Sentences with their spans, and each one's template as a number."""
    path = next(iter(sorted(data.glob("*.json"))), data / "*.json") if data.is_dir() else data
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError("the sentences cannot be read", where=str(path), why=str(error)) from None
    if not isinstance(rows, list) or not rows:
        raise InputError("the file holds no list of sentences", where=str(path))
    marked: list[Marked] = []
    for number, row in enumerate(rows):
        try:
            spans = [
                Span(int(s["start_position"]), int(s["end_position"]), str(s["entity_type"]))
                for s in row["spans"]
            ]
            marked.append((str(row["full_text"]), tuple(sorted(spans, key=lambda s: s.start))))
        except (KeyError, TypeError) as error:
            raise InputError(
                "a sentence is not of the format", where=f"{path}, [{number}]", why=repr(error)
            ) from None
    names = [str(row.get("template_id", number)) for number, row in enumerate(rows)]
    _, groups = np.unique(names, return_inverse=True)
    return marked, groups.tolist()


def fold_of(groups: Sequence[int] | np.ndarray, folds: int) -> np.ndarray:
    """(N,) the fold of each row; the rows of a group share one."""
    order = np.random.default_rng(0).permutation(np.unique(groups))
    place = {int(group): at % folds for at, group in enumerate(order)}
    return np.array([place[int(group)] for group in groups])


def cross_validated(
    encoder: Encoder,
    marked: Sequence[Marked],
    groups: Sequence[int],
    fold: np.ndarray,
    knobs: PersonalDataConfig,
    *,
    name: str,
    most: int = FOLDS,
    only_tagger: bool = False,
) -> tuple[Judged, PersonalData]:
    """Every sentence judged by a model that did not learn its fold; the last model."""
    told: list[Marked] = []
    found: list[Any] = []
    for number in range(min(int(fold.max()) + 1, most)):
        taught, judged = (
            np.flatnonzero(fold != number).tolist(),
            np.flatnonzero(fold == number).tolist(),
        )
        finder = fit(
            encoder, [marked[row] for row in taught], [groups[row] for row in taught], knobs,
            progress=partial(_progress, f"{name} {number + 1}"),
        )  # fmt: skip
        told += [marked[row] for row in judged]
        texts = [marked[row][0] for row in judged]
        found += finder.tagger.find(texts) if only_tagger and finder.tagger else finder.find(texts)
        _progress(name, f"F2 until here {judge(told, found).figures()['f2']:.3f}")
    return judge(told, found), finder


def judge(marked: Sequence[Marked], found: Sequence[Any]) -> Judged:
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
    return Judged(tuple(typed), tuple(any_kind), tuple(merged), tuple(covered), kinds)


def _progress(name: str, said: str) -> None:
    sys.stderr.write(f"personal-data, {name}: {said}\n")
    sys.stderr.flush()
