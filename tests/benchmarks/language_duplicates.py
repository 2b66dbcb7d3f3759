"""Duplicate listings: F1 of the matcher on pairs it did not learn from.

    python tests/benchmarks/language.py --task duplicates --data DIR --json FILE

DIR has ``train.txt`` and ``valid.txt`` or ``test.txt`` or both, or is a folder of such folders;
lines are ``COL a VAL x COL b VAL y<TAB>COL ...<TAB>0|1``. All is learned and chosen on train.txt;
``f1`` is of valid.txt where there is one, else of test.txt; where both are, ``test`` holds the same
figures of test.txt.
Floors: string evidence alone, and TF-IDF of both listings with logistic regression. Beside them,
pairs of unseen products: a third of the products, with their duplicates, is kept from learning
(``language_duplicates_unseen.py``), and how far a sentence that steers moves a probability.
"""

import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from language_duplicates_floor import tfidf_floor
from language_duplicates_steering import steering_figures
from language_duplicates_unseen import unseen_figures
from language_intervals import calibration_error, f1_figures

from governance.errors import InputError
from governance.settings import PROJECT_ROOT
from training.duplicates.blocking import measure_blocking, propose
from training.duplicates.config import Matching, read_config
from training.duplicates.evidence import Evidence
from training.duplicates.model import DuplicateMatcher
from training.duplicates.pairs import Pairs, pair_folders, read_pairs
from training.duplicates.train import fit_matcher
from training.encoder.checkpoint import load_encoder
from training.encoder.model import Encoder
from training.fine_tuning.config import FineTuning

_DEFAULT = PROJECT_ROOT.parent / "shared" / "data" / "benchmarks" / "entity_matching"
_JUDGED = ("valid", "test")
_QUICK_PAIRS = 2_000  # with one epoch in two folds


def measure(data: Path | None, *, quick: bool, work: Path) -> dict[str, Any]:
    """Figures of DIR, or where it is a folder of such folders, by the name of each."""
    del work  # nothing is kept between runs
    matching, reading = read_config()
    if quick:
        matching, reading = replace(matching, folds=2), replace(reading, epochs=1, length=64)
    encoder = load_encoder()
    found = {
        folder: _measure_folder(folder, encoder, matching, reading, quick=quick)
        for folder in pair_folders(data or _DEFAULT)
    }
    return figures_of(found, data or _DEFAULT)


def figures_of(found: Mapping[Path, dict[str, Any]], data: Path) -> dict[str, Any]:
    """``duplicates.f1`` where ``data`` is the one folder, else ``duplicates.<folder>.f1``."""
    if list(found) == [data]:
        return found[data]
    return {folder.name: figures for folder, figures in found.items()}


def _measure_folder(
    folder: Path, encoder: Encoder, matching: Matching, reading: FineTuning, *, quick: bool
) -> dict[str, Any]:
    taught = read_pairs(folder / "train.txt")
    judged = {n: read_pairs(p) for n in _JUDGED if (p := folder / f"{n}.txt").is_file()}
    if not judged:
        raise InputError("there are no pairs to judge", where=str(folder / "valid.txt"))
    if quick and len(taught) > _QUICK_PAIRS:
        taught = taught.take(np.random.default_rng(0).permutation(len(taught))[:_QUICK_PAIRS])

    def say(line: str) -> None:
        sys.stderr.write(f"{folder.name}: {line}\n")

    fitted = fit_matcher(taught, encoder, matching=matching, reading=reading, progress=say)
    words = fit_matcher(taught, None, matching=matching, reading=reading)
    figures: dict[str, Any] = {"pairs_taught": len(taught), "pairs_read_in_training": fitted.read}
    known = {frozenset(sides) for sides in _sides(taught)}
    for name, pairs in judged.items():
        say(f"judges {len(pairs)} pairs of {name}")
        found = _judge(fitted.matcher, pairs, known)
        floors = {
            "words_f1": _judge(words.matcher, pairs, known)["f1"],
            "tfidf_f1": tfidf_floor(taught, pairs, matching),
        }
        found |= {"judged_on": name, "floors": floors}
        if "f1" in figures:
            figures[name] = found
        else:
            figures |= found
    figures["steering"] = steering_figures(fitted.matcher, next(iter(judged.values())))
    figures["unseen_products"] = unseen_figures(
        [taught, *judged.values()],
        None if quick else encoder,
        replace(matching, folds=2),  # half the time of three
        reading,
        say,
    )
    figures["blocking"] = _blocking(taught, list(judged.values()), encoder, matching)
    return figures


def _judge(matcher: DuplicateMatcher, pairs: Pairs, known: set[frozenset[str]]) -> dict[str, Any]:
    found = matcher.probabilities(pairs)
    said = found >= matcher.threshold
    figures: dict[str, Any] = f1_figures(said, pairs.labels)
    is_new = np.array([frozenset(sides) not in known for sides in _sides(pairs)])
    figures["pairs_also_in_train"] = float((~is_new).sum())
    figures["f1_of_new_pairs"] = f1_figures(said[is_new], pairs.labels[is_new])["f1"]
    figures["calibration_error"] = calibration_error(found, pairs.labels)
    return figures


def _sides(pairs: Pairs) -> list[tuple[str, str]]:
    return [(a.text, b.text) for a, b in zip(pairs.first, pairs.second, strict=True)]


def _blocking(
    taught: Pairs, judged: list[Pairs], encoder: Encoder, matching: Matching
) -> dict[str, Any]:
    """Recall of all known duplicates among what blocking proposes of the two whole sides."""
    every = [taught, *judged]
    sides = [list(dict.fromkeys(one for pairs in every for one in pairs.first))]
    sides.append(list(dict.fromkeys(one for pairs in every for one in pairs.second)))
    places = [{listing: place for place, listing in enumerate(side)} for side in sides]
    known = np.array(
        [
            (places[0][pairs.first[row]], places[1][pairs.second[row]])
            for pairs in every
            for row in np.flatnonzero(pairs.labels)
        ]
    )
    one, two = (encoder.embed([x.title for x in side], length=32) for side in sides)
    proposed = propose(
        sides[0], sides[1], evidence=Evidence.fit(taught.listings()), vectors=(one, two),
        nearest=matching.nearest,
    )  # fmt: skip
    return asdict(measure_blocking(proposed, known, sizes=(len(sides[0]), len(sides[1]))))
