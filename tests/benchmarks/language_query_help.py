"""What query help mends and what it spoils: spelling, filters, completions, synonyms, rescue.

``--data`` is a folder with products.parquet, or such a file, of Icecat's form: ``id``, ``title``,
``supplier``, ``attributes`` (a JSON object). A tenth of the products is held out; the speller
learns from the other titles. *Misspelt*: words of at least four letters of held-out titles that the
taught titles have too, with one slip or two of ``language_query_help_noise.py``, in a query with
up to two more words of the title. *New words*: words of held-out titles that no taught title has;
they are right, and must stay. *Real queries* (wayfair_queries, of furniture, where that is there):
what would be changed is printed, nobody having said what is right. The encoder's tokens tell
the usual words of the language; ``without_language_words`` does without them.
``likelier`` changes what is likelier wrong than right, as is done where a query finds nothing, and
``always`` every unknown word near a known one. Floors, which change every unknown word: the nearest
word of the catalogue by plain edit distance; the most frequent of the nearest.

*Recall*: three words of a title, one misspelt, BM25 over all titles, before and after correction by
a speller of all titles, which corrects only where more items then have every word.
Completions and filters are told in ``language_query_help_typing.py``, synonyms in
``language_query_help_sessions.py``.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv as pc
import pyarrow.parquet as pq
from language_query_help_search import recall, speed
from language_query_help_sessions import mined_synonyms
from language_query_help_typing import completing, filtering
from language_query_help_words import Slipped, interval, is_word, share, slipped
from rapidfuzz.distance import OSA
from rapidfuzz.process import extract

from governance.errors import InputError
from governance.settings import PROJECT_ROOT
from training.encoder.checkpoint import load_encoder
from training.query_help.spelling import LIKELIER, Change, Correction, Speller, correct
from training.query_help.spelling_lesson import teach
from training.query_help.train import CatalogueItem
from training.query_help.vocabulary import Vocabulary, language_words, learn_vocabulary
from training.query_help.words import words_of

COLUMNS = ("id", "title", "supplier", "attributes")
DEFAULT = PROJECT_ROOT.parent / "shared" / "data" / "icecat_catalogue"
REAL_QUERIES = PROJECT_ROOT.parent / "shared" / "data" / "wayfair_queries" / "query.csv"
HELD_OUT = 0.1
QUERIES = 4_000  # misspelt; a quarter of them when quick
SEED = 20_261  # of split, queries and slips; no knob was chosen with it


def measure(data: Path | None, *, quick: bool, work: Path) -> dict[str, Any]:
    """All figures; ``floors`` beside them."""
    del work
    items = read_items(data or DEFAULT)
    draw = np.random.default_rng(SEED)
    order = draw.permutation(len(items))
    cut = int(len(items) * HELD_OUT)
    held_out = [items[place] for place in order[:cut]]
    taught = [items[place] for place in order[cut:]]
    most = QUERIES // 4 if quick else QUERIES
    titles, texts = [item.title for item in taught], [item.title for item in held_out]
    language = language_words(load_encoder().tokenizer.get_vocab())
    speller = teach(learn_vocabulary(titles, language), titles, seed=1)
    bare = teach(learn_vocabulary(titles), titles, seed=1)
    _say(f"query help: {len(taught)} titles taught, least chance {speller.least}")
    figures, floors = _spelling(texts, speller, most, draw)
    figures |= _real(speller)
    figures["without_language_words"], _ = _spelling(texts, bare, most // 4, draw)
    timing, floors["speed"] = speed(speller, draw)
    figures |= timing | recall([item.title for item in items], language, most, draw)
    for name, part in (("completion", completing), ("filters", filtering)):
        _say(f"query help: {name}")
        figures[name], floors[name] = part(taught, held_out, most, draw)
    _say("query help: synonyms")
    figures["synonyms"] = mined_synonyms(taught, draw)
    return figures | {"floors": floors}


def read_items(data: Path) -> list[CatalogueItem]:
    """The catalogue's listings with brand and colour; it has no categories."""
    path = data / "products.parquet" if data.is_dir() else data
    if not path.is_file():
        raise InputError("there is no catalogue", where=str(path), next_step="give --data")
    lacking = [name for name in COLUMNS if name not in pq.read_schema(path).names]
    if lacking:
        raise InputError(f"the catalogue has no column {lacking[0]}", where=str(path))
    rows = pq.read_table(path, columns=list(COLUMNS)).to_pylist()
    return [
        CatalogueItem(str(row["id"]), row["title"], row["supplier"] or "", attributes=_colour(row))
        for row in rows
        if row["title"]
    ]


def _colour(row: dict[str, Any]) -> dict[str, str]:
    told = json.loads(row["attributes"] or "{}").get("t_product_colour")
    return {"colour": str(told)} if told else {}


def _spelling(
    titles: Sequence[str], speller: Speller, most: int, draw: np.random.Generator
) -> tuple[dict[str, Any], dict[str, Any]]:
    known = speller.vocabulary
    asked = slipped(titles, known, most, draw)
    said = [correct(one.query, speller) for one in asked]
    right = np.array([c.text == " ".join(one.words) for c, one in zip(said, asked, strict=True)])
    changed = np.array([bool(c.changes) for c in said])
    clean = [correct(" ".join(one.words), speller) for one in asked]
    new = sorted({w for t in titles for w in words_of(t) if is_word(w) and not known.is_known(w)})
    kept = [correct(word, speller) for word in new]
    figures = {
        "misspelt": len(asked),
        **interval("corrected_top1", right),
        "corrected_to_another": share(changed & ~right),
        "slips_that_are_words": share([known.is_known(one.typed) for one in asked]),
        "clean_queries_changed": share([bool(c.changes) for c in clean]),
        "known_words_changed": share(
            [not _keeps(one, c) for one, c in zip(asked, clean, strict=True)]
        ),
        "new_words": len(new),
        "new_words_changed": share([bool(c.changes) for c in kept]),
    }
    for name, least in (("likelier", LIKELIER), ("always", 0.0)):
        eager = replace(speller, least=least)
        right = [correct(one.query, eager).text == " ".join(one.words) for one in asked]
        figures[f"corrected_top1_{name}"] = share(right)
        changed_new = [bool(correct(word, eager).changes) for word in new]
        figures[f"new_words_changed_{name}"] = share(changed_new)
    return figures, _nearest(asked, new, known)


def _keeps(one: Slipped, said: Correction) -> bool:
    """Whether every letter stayed; a space is no word."""
    return said.text.replace(" ", "") == "".join(one.words)


def _nearest(asked: Sequence[Slipped], new: Sequence[str], known: Vocabulary) -> dict[str, Any]:
    """The floors, on a part of the queries, as they look at every word."""
    words = sorted(w for w, n in known.counts.items() if w.isalpha() and n >= 2)
    first, frequent, part = [], [], asked[:1_000]
    for one in part:
        best = extract(one.typed, words, scorer=OSA.distance, limit=20)
        least = [word for word, edits, _ in best if edits == best[0][1]]
        meant = one.words[one.place]
        is_known = known.is_known(one.typed)  # a known word is left alone by the floor too
        first.append(not is_known and least[0] == meant)
        frequent.append(not is_known and max(least, key=lambda w: known.counts[w]) == meant)
    return {
        "nearest_top1": share(first),
        "nearest_most_frequent_top1": share(frequent),
        "nearest_new_words_changed": 1.0 if new else 0.0,
    }


def _real(speller: Speller) -> dict[str, Any]:
    if not REAL_QUERIES.is_file():
        _say(f"query help: there is no {REAL_QUERIES}; real queries are left out")
        return {}
    table = pc.read_csv(REAL_QUERIES, parse_options=pc.ParseOptions(delimiter="\t"))
    said = [correct(query, speller) for query in table["query"].to_pylist()]
    for one in said:
        for change in one.changes:
            _say(f"  {one.query}: {change.written} -> {change.meant} ({change.confidence})")
    words = [word for one in said for word in words_of(one.query)]
    unknown = [word for word in words if not speller.vocabulary.is_known(word)]
    return {
        "real_queries": len(said),
        "real_queries_changed": share([bool(one.changes) for one in said]),
        "real_unknown_words": len(unknown),
        "real_unknown_words_changed": round(
            sum(not _is_spaced(c) for one in said for c in one.changes) / max(len(unknown), 1), 4
        ),
    }


def _is_spaced(change: Change) -> bool:
    return change.written.replace(" ", "") == change.meant.replace(" ", "")


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
