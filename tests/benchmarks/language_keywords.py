"""Listings that queries miss: how many are found after the mend, and what others' queries lose.

``--data`` is a folder with products.parquet, or such a file, of Icecat's form: ``id``, ``title``,
``short_description``, ``supplier``, ``attributes``. A known-item query is two words of the item's
title and one of its short description that the title lacks; one in ten has a word of another item
instead, which is not true of this one. Each sampled item gets three queries from which words are
proposed and three that are kept back. Claims are backed by attributes and brand, never by the
description the queries came from, since each query is followed by one purchase. In ``bought_`` each
is followed by two on average (geometric), the untrue ones too, so that purchases back words.
Search is the lexical one of ``training/text_search`` over titles, built anew with amended titles.
Floors: no change, and stuffing (the whole description added to the title).
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from governance.errors import InputError
from governance.settings import PROJECT_ROOT
from training.keywords.effect import amended_titles, optimise
from training.keywords.facts import facts_of
from training.keywords.model import Asked, Item, Proposal, Search, rank_of, words_of
from training.text_search.lexical import Lexical
from training.text_search.words import words_of as words_in

COLUMNS = ("id", "title", "short_description", "supplier", "attributes")
DEFAULT = PROJECT_ROOT.parent / "shared" / "data" / "icecat_catalogue"
MENDED, OTHERS = 800, 1_500  # items that are mended, and items that only watch
DEPTH = 10
QUERIES = 6  # of an item: the first half proposes, the second is kept back
FALSE_SHARE = 0.1  # of the queries have a word that is not true of their item
SEED = 11


@dataclass(frozen=True)
class Known:
    """A query that seeks one item; ``alien`` is its word that is not true of it."""

    item_id: str
    text: str
    alien: str = ""


@dataclass(frozen=True)
class Sample:
    """Listings to mend, their queries, others' queries that only watch, and the catalogue."""

    items: list[Item]
    seen: list[Known]
    unseen: list[Known]
    watching: list[Known]
    titles: dict[str, str]
    stuffed: dict[str, str]  # the mended listings with their whole description


def measure(data: Path | None, *, quick: bool, work: Path) -> dict[str, Any]:
    """Share of missed queries found after the mend, on queries seen and kept back; the losses."""
    del work
    draw = np.random.default_rng(SEED)
    sample = _sample(_rows(data or DEFAULT), draw, quick=quick)
    search_of = _indexed(sample.titles)
    before, seen = search_of({}), sample.seen
    aliens = {(query.item_id, query.alien) for query in seen if query.alien}
    figures: dict[str, Any] = {"listings": len(sample.items), "false_words_offered": len(aliens)}
    for name, purchases in (("", [1] * len(seen)), ("bought_", draw.geometric(0.5, len(seen)))):
        _say(f"keywords: {len(sample.items)} listings, {len(seen)} queries {name}")
        sold = [Asked(q.text, {q.item_id: int(n)}) for q, n in zip(seen, purchases, strict=True)]
        proposals, _ = optimise(sample.items, sold, search_of=search_of, depth=DEPTH)
        after = search_of(amended_titles(proposals, sample.titles))
        figures |= _effect(f"{name}seen", seen, before, after)
        figures |= _effect(f"{name}unseen", sample.unseen, before, after)
        figures |= _words(name, proposals, aliens)
        figures[f"{name}others"] = _losses(sample.watching, before, after)
    stuffed = search_of(sample.stuffed)
    figures["floors"] = _effect("stuffed_unseen", sample.unseen, before, stuffed) | {
        "stuffed_others": _losses(sample.watching, before, stuffed)
    }
    return figures


def _sample(rows: list[dict[str, Any]], draw: np.random.Generator, *, quick: bool) -> Sample:
    order = draw.permutation(len(rows))
    count, others = (MENDED // 4, OTHERS // 4) if quick else (MENDED, OTHERS)
    mended = [rows[place] for place in order[:count]]
    asked = {
        rows[place]["id"]: _queries(rows[place], rows, draw) for place in order[: count + others]
    }
    half = QUERIES // 2
    return Sample(
        items=[_item(row) for row in mended],
        seen=[query for row in mended for query in asked[row["id"]][:half]],
        unseen=[query for row in mended for query in asked[row["id"]][half:]],
        watching=[q for place in order[count : count + others] for q in asked[rows[place]["id"]]],
        titles={row["id"]: row["title"] for row in rows},
        stuffed={row["id"]: f"{row['title']}, {row['short_description']}" for row in mended},
    )


def _rows(data: Path) -> list[dict[str, Any]]:
    path = data / "products.parquet" if data.is_dir() else data
    if not path.is_file():
        raise InputError("there is no catalogue", where=str(path), next_step="give --data")
    lacking = [name for name in COLUMNS if name not in pq.read_schema(path).names]
    if lacking:
        raise InputError(f"the catalogue has no column {lacking[0]}", where=str(path))
    rows = pq.read_table(path, columns=list(COLUMNS)).to_pylist()
    read = [{name: str(row[name] or "") for name in COLUMNS} for row in rows]
    return [row for row in read if row["title"] and row["short_description"]]


def _item(row: Mapping[str, Any]) -> Item:
    facts = facts_of(row["attributes"], supplier=row["supplier"])
    return Item(row["id"], row["title"], facts=facts)


def _queries(
    row: Mapping[str, Any], rows: Sequence[dict[str, Any]], draw: np.random.Generator
) -> list[Known]:
    """Two words of the title without digits, and one that the title lacks."""
    title = _plain(row["title"])
    more = [word for word in _plain(row["short_description"]) if word not in title]
    if len(title) < 2 or not more:
        return []
    found = []
    for _ in range(QUERIES):
        two = draw.permutation(title)[:2].tolist()
        word, alien = str(draw.choice(more)), ""
        if draw.random() < FALSE_SHARE:
            other = _plain(rows[int(draw.integers(len(rows)))]["short_description"])
            strange = [one for one in other if one not in title and one not in more]
            word = alien = str(draw.choice(strange)) if strange else ""
        found.append(Known(row["id"], " ".join([*two, word]).strip(), alien))
    return found


def _plain(text: str) -> list[str]:
    """Distinct words of letters, in one form: nobody recalls a model's number."""
    return sorted(word for word in words_of(text[:200]) if word.isalpha() and len(word) > 2)


def _indexed(titles: Mapping[str, str]) -> Callable[[Mapping[str, str]], Search]:
    """BM25 over the titles with some changed."""
    ids = list(titles)
    words = {one: words_in(title) for one, title in titles.items()}

    def search_of(changed: Mapping[str, str]) -> Search:
        index = Lexical.of_words([words_in(changed[one]) if one in changed else words[one]
                                  for one in ids])  # fmt: skip

        def search(query: str, most: int) -> Sequence[str]:
            scores = index.scores(query)
            best = np.argsort(-scores, kind="stable")[:most]
            return [ids[place] for place in best if scores[place] > 0]

        return search

    return search_of


def _effect(name: str, queries: Sequence[Known], before: Search, after: Search) -> dict[str, Any]:
    """Missed before, and of these found after: an interval by drawing whole items again."""
    own = [query for query in queries if not query.alien]
    missed = [query for query in own if _rank(query, before) is None]
    found = np.array([_rank(query, after) is not None for query in missed], dtype=float)
    names, item = np.unique([query.item_id for query in missed], return_inverse=True)
    draw, drawn = np.random.default_rng(0), [0.0]
    if len(found):
        right, all_of = np.bincount(item, found), np.bincount(item)
        again = [draw.integers(len(names), size=len(names)) for _ in range(1_000)]
        drawn = [right[rows].sum() / all_of[rows].sum() for rows in again]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return {
        f"{name}_missed": round(len(missed) / max(len(own), 1), 4),
        f"{name}_mended": round(float(found.mean()) if len(found) else 0.0, 4),
        f"{name}_mended_low": round(float(low), 4),
        f"{name}_mended_high": round(float(high), 4),
    }


def _words(
    name: str, proposals: Sequence[Proposal], aliens: set[tuple[str, str]]
) -> dict[str, Any]:
    """How many listings got words, how many each, and how many words are not true of the item."""
    words = [(one.item_id, word) for one in proposals for word in one.words]
    listings = len({item_id for item_id, _ in words})
    return {
        f"{name}listings_mended": listings,
        f"{name}words_per_mended_listing": round(len(words) / max(listings, 1), 2),
        f"{name}false_words": sum(word in aliens for word in words),
    }


def _losses(queries: Sequence[Known], before: Search, after: Search) -> dict[str, float]:
    """Other items' queries: recall at the depth before and after, and who fell out."""
    ranks = [(_rank(query, before), _rank(query, after)) for query in queries]
    return {
        "recall_before": round(float(np.mean([old is not None for old, _ in ranks])), 4),
        "recall_after": round(float(np.mean([new is not None for _, new in ranks])), 4),
        "fell_out": round(float(np.mean([bool(old) and not new for old, new in ranks])), 4),
    }


def _rank(query: Known, search: Search) -> int | None:
    return rank_of(query.item_id, search(query.text, DEPTH))


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
