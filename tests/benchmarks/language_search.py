"""Judged documents ranked by words, by meaning, and by both: NDCG@10 by cross-validation.

``--data`` is a folder with products.parquet of Icecat's form and one ``judgements*.csv`` (columns
``query``, ``docid``, ``rating``), or that file beside products.parquet. Each query ranks its judged
documents; gain is 2^rating - 1. Queries without a document rated above 0 have no order to find:
they are left out and counted. Five folds over queries: text forms, weights, ranker and the way of
joining (``chosen``) are fitted on the other folds, where an inner cross-validation chooses. The
floor ``bm25`` takes its text form there too; ``bm25_<form>`` are the forms alone. The fine-tuned
cross-encoder learns on the other folds and reads the chosen order again (not with --quick).
"""

import csv
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from language_intervals import Doubles
from language_search_figures import figures_of, random_ndcg

from governance.errors import InputError
from governance.settings import PROJECT_ROOT
from training.encoder.checkpoint import load_encoder
from training.encoder.model import Encoder
from training.fine_tuning.config import FineTuning
from training.text_search.catalogue import Catalogue, TextForm
from training.text_search.catalogue_file import read_catalogue
from training.text_search.config import SearchKnobs
from training.text_search.cross_encoder import cross_lesson, teach_cross
from training.text_search.dense import embed
from training.text_search.fit_fusion import FEWEST, Case, case_of, fitted
from training.text_search.fusion import FUSIONS, Fusion, FusionName
from training.text_search.index import SearchIndex
from training.text_search.judged import Judged
from training.text_search.lexical import Lexical

DEFAULT = PROJECT_ROOT.parent / "shared" / "data" / "icecat_catalogue"
LEXICAL_FORMS: tuple[TextForm, ...] = ("title", "fields")
DENSE_FORMS: tuple[TextForm, ...] = ("title", "title_description")
CROSS = FineTuning(epochs=2, batch=32, length=64)
FOLDS, SEED = 5, 0
_HIGHEST = 20  # of a rating: gains are powers of two
Form = tuple[TextForm, TextForm]


@dataclass(frozen=True)
class Setting:
    """One choice of texts: its index, and each query's candidates under it."""

    index: SearchIndex
    cases: Sequence[Case]


def measure(data: Path | None, *, quick: bool, work: Path) -> dict[str, Any]:
    """NDCG@10 of every way, the share of queries below BM25, and the differences' intervals."""
    del work
    catalogue, judged, facts = _read(data or DEFAULT)
    encoder = load_encoder()
    settings = _settings(catalogue, judged, encoder)
    order = np.random.default_rng(SEED).permutation(len(judged))
    found: dict[str, Doubles] = {name: np.zeros(len(judged)) for name in _names(quick)}
    choices: list[str] = []
    for fold in range(FOLDS):
        held, taught = order[fold::FOLDS], np.sort(np.delete(order, np.s_[fold::FOLDS]))
        fits = {form: fitted([one.cases[at] for at in taught], Fusion())
                for form, one in settings.items()}  # fmt: skip
        for name in FUSIONS:
            form = max(fits, key=lambda one: fits[one].reached[name])
            for at in held:
                found[name][at] = _ndcg(settings[form].cases[at], fits[form], name)
        form = max(fits, key=lambda one: fits[one].reached[fits[one].name])
        fusion = fits[form]
        choices.append(f"{fusion.name} of {form[0]} and {form[1]}")
        for at in held:
            found["chosen"][at] = _ndcg(settings[form].cases[at], fusion, fusion.name)
        if not quick:
            index = replace(settings[form].index, fusion=fusion)
            _cross(index, judged, taught, held, settings[form].cases, found["cross_encoder"])
        _say(f"search: fold {fold + 1} of {FOLDS}: {choices[-1]}")
    for form in LEXICAL_FORMS:
        one = settings[(form, DENSE_FORMS[-1])]
        found[f"bm25_{form}"][:] = [_ndcg(case, Fusion(), "lexical") for case in one.cases]
    found["random"][:] = [random_ndcg(case.gains, case.ideal) for case in one.cases]
    found["bm25"] = found.pop("lexical")
    return figures_of(found) | {
        "queries": len(judged),
        **facts,
        "chosen_by_fold": choices,
    }


def _settings(
    catalogue: Catalogue, judged: Sequence[Judged], encoder: Encoder
) -> dict[Form, Setting]:
    """Only judged products are embedded: no other is ranked."""
    rows = sorted({catalogue.row_of[one] for query in judged for one in query.gains})
    lexical = {form: Lexical.of(catalogue.texts(form)) for form in LEXICAL_FORMS}
    found = {}
    for dense in DENSE_FORMS:
        texts = [catalogue.products[row].text(dense) for row in rows]
        vectors = np.zeros((len(catalogue), encoder.width), dtype=np.float32)
        vectors[rows] = embed(encoder, texts, length=SearchKnobs().length)
        _say(f"search: {len(rows)} judged documents embedded by {dense}")
        for words, form in product(LEXICAL_FORMS, (dense,)):
            knobs = SearchKnobs(lexical_form=words, dense_form=form)
            index = SearchIndex(catalogue, lexical[words], vectors, encoder, knobs=knobs)
            cases = [case_of(index, one) for one in judged]
            found[words, form] = Setting(index, [case for case in cases if case is not None])
    return found


def _cross(
    index: SearchIndex,
    judged: Sequence[Judged],
    taught: Sequence[int],
    held: Sequence[int],
    cases: Sequence[Case],
    found: Doubles,
) -> None:
    """What a cross-encoder of the taught queries makes of the held ones."""
    lesson = cross_lesson(index, [judged[at] for at in taught])
    tuned = teach_cross(index.encoder, lesson, CROSS, progress=_say)
    for at in held:
        case, query = cases[at], judged[at].query
        fused = index.fused(query, case.pool)
        again, _ = index.read_again(tuned.model, query, case.pool, fused)
        found[at] = case.ndcg(again)


def _read(data: Path) -> tuple[Catalogue, list[Judged], dict[str, int]]:
    """The catalogue, queries with a relevant document, and what was left out."""
    folder = data if data.is_dir() else data.parent
    files = [data] if data.is_file() else sorted(folder.glob("judgements*.csv"))
    if not files:
        raise InputError("there are no judgements", where=str(folder / "judgements*.csv"))
    if len(files) > 1:
        raise InputError(
            "there are several files of judgements",
            where=str(folder),
            why=", ".join(file.name for file in files),
            next_step=f"give one of them: --data {files[-1]}",
        )
    catalogue, unknown = read_catalogue(folder), 0
    gains: dict[str, dict[str, float]] = {}
    with files[0].open(encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream)
        if missing := sorted({"query", "docid", "rating"} - set(rows.fieldnames or ())):
            raise InputError(f"the judgements have no column {missing[0]}", where=str(files[0]))
        for number, row in enumerate(rows, start=2):
            rating = _rating(row["rating"], f"{files[0]}, line {number}")
            unknown += row["docid"] not in catalogue.row_of
            if row["docid"] in catalogue.row_of:
                gains.setdefault(row["query"], {})[row["docid"]] = 2.0**rating - 1
    judged = [Judged(query, worth, is_closed=True) for query, worth in gains.items()]
    kept = [one for one in judged if any(one.gains.values())]
    if len(kept) - -(-len(kept) // FOLDS) < FEWEST:
        raise InputError(
            f"{len(kept)} queries with a relevant document are too few",
            where=str(files[0]),
            why=f"{FOLDS - 1} of {FOLDS} folds must have {FEWEST} to fit a fusion on",
        )
    return (
        catalogue,
        kept,
        {
            "queries_without_a_relevant_document": len(judged) - len(kept),
            "judgements_of_documents_not_in_the_catalogue": unknown,
        },
    )


def _rating(written: str | None, where: str) -> float:
    try:
        found = float(written or "")
    except ValueError:
        found = math.nan
    if not 0 <= found <= _HIGHEST:
        raise InputError(
            f"a rating is {written!r}", where=where, why=f"it must be a number from 0 to {_HIGHEST}"
        )
    return found


def _names(quick: bool) -> list[str]:
    forms = [f"bm25_{form}" for form in LEXICAL_FORMS]
    return [*FUSIONS, "chosen", *forms, "random", *([] if quick else ["cross_encoder"])]


def _ndcg(case: Case, fusion: Fusion, name: FusionName) -> float:
    """Judged documents that a way does not propose come last, not nowhere: all rank the same."""
    fused = fusion.fuse(case.pool, lambda: case.columns, name)
    return case.ndcg(np.maximum(fused, np.finfo(np.float64).min))


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
