"""Duplicates among listings: blocking proposes pairs, the trained matcher judges, a table tells.

Apart from ``cli_listings.py`` because it imports LightGBM and the encoder. Listings are only read;
which of two is to go is for a person to say.
"""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flows.listings import items_of
from governance.errors import StateError
from governance.files import write_text
from governance.settings import Settings
from training.duplicates.blocking import propose
from training.duplicates.config import read_config
from training.duplicates.evidence import Evidence
from training.duplicates.listing import Listing, listing_from
from training.duplicates.model import DuplicateMatcher, pairs_of
from training.duplicates.model_file import CARD, MatcherBundle, open_matcher
from training.duplicates.reasons import reasons
from training.encoder.checkpoint import load_encoder
from training.listing_quality.catalogue_file import read_listings, read_shop
from training.listing_quality.listing import Listing as Item

Talk = Callable[[str], None]
COLUMNS = ("probability", "duplicate", "item", "other", "title", "other title", "for", "against")
_TITLE_TOKENS = 32  # of a title for blocking: longer ones are cut
_UNLIKE = 3  # times as many duplicates as were taught: chances learned there do not hold here
_FEWEST_TO_WARN = 50  # pairs: the share of fewer says nothing
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # with which a spreadsheet would begin to compute


@dataclass(frozen=True)
class DuplicateWish:
    """What the command was asked for."""

    file: Path | None = None  # listings; None: the shop's newest items
    matcher: Path | None = None  # a bundle's folder; None: the one trained last in this home
    limit: int | None = None  # so many listings, by id
    least: float = 0.2  # pairs less probable are not told
    most_read: int = 5_000  # pairs the networks read: five minutes on two cores


@dataclass(frozen=True)
class Duplicates:
    """What was found; ``rows`` have the names of ``COLUMNS``, the likeliest pair first."""

    rows: list[dict[str, Any]]
    listings: int
    candidates: int
    version: str  # of the matcher


def find_duplicates(settings: Settings, wish: DuplicateWish, talk: Talk) -> Duplicates:
    """Pairs within the listings that may be of one product."""
    import torch

    torch.set_num_threads(settings.threads)
    bundle = _bundle(settings, wish.matcher)
    items = read_listings(wish.file) if wish.file else read_shop(items_of(settings).path)
    items = sorted(items, key=lambda item: item.item_id)[: wish.limit]
    listings = [_listing(item) for item in items]
    talk(f"{len(items):,} listings; looking for pairs that are worth judging")
    evidence = Evidence.fit(listings)
    vectors = load_encoder(settings.encoder).embed(
        [one.title for one in listings], length=_TITLE_TOKENS
    )
    nearest = read_config()[0].nearest
    places = propose(listings, None, evidence=evidence, vectors=(vectors, vectors), nearest=nearest)
    talk(f"{len(places):,} pairs to judge; networks read {wish.most_read:,} of them at most")
    sides = [(listings[one], listings[two]) for one, two in places.tolist()]
    rows = _rows(bundle.matcher(), sides, [(items[a], items[b]) for a, b in places.tolist()], wish)
    _warn_if_unlike(bundle, rows, len(places), talk)
    return Duplicates(rows, len(items), len(places), bundle.version)


def write_table(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """CSV for people; a cell that a spreadsheet would compute is marked as text."""
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows([_cell(row[name]) for name in COLUMNS] for row in rows)
    write_text(path, written.getvalue())


def _bundle(settings: Settings, folder: Path | None) -> MatcherBundle:
    """The matcher asked for, or the one that was trained last in this home."""
    if folder is not None:
        return open_matcher(folder)
    shelf = settings.bundles_dir / "duplicates"
    cards = sorted(shelf.glob(f"[!.]*/{CARD}"), key=lambda card: (card.stat().st_mtime_ns, card))
    if not cards:
        raise StateError(
            "no matcher of duplicates is trained",
            where=str(shelf),
            why="which listings are one product is learned from pairs that a person has marked",
            next_step="counterfoil train duplicates --data DIR, or give --matcher a bundle",
        )
    return open_matcher(cards[-1].parent)


def _warn_if_unlike(
    bundle: MatcherBundle, rows: Sequence[dict[str, Any]], judged: int, talk: Talk
) -> None:
    """Say so where far more pairs are duplicates than among those the matcher learned from."""
    taught = bundle.card.get("metrics", {}).get("duplicate_share", 1.0)
    share = sum(row["duplicate"] for row in rows) / max(judged, 1)
    if judged >= _FEWEST_TO_WARN and share > _UNLIKE * taught:
        talk(
            f"warning: {share:.0%} of the pairs are judged duplicates, {taught:.0%} were of those "
            "that taught: these listings are unlike them (variants of one product, say); mark "
            "some of the pairs below, and train with them"
        )


def _listing(item: Item) -> Listing:
    fields = {"title": item.title, "description": item.description, "brand": item.brand}
    return listing_from(fields | {"category": item.category})


def _rows(
    matcher: DuplicateMatcher,
    sides: Sequence[tuple[Listing, Listing]],
    items: Sequence[tuple[Item, Item]],
    wish: DuplicateWish,
) -> list[dict[str, Any]]:
    found = matcher.probabilities(pairs_of(sides), most_read=wish.most_read)
    order = [row for row in np.argsort(-found, kind="stable") if found[row] >= wish.least]
    rows: list[dict[str, Any]] = []
    for row in order:
        speaks_for, speaks_against = reasons(*sides[row])
        values = (
            round(float(found[row]), 4), bool(found[row] >= matcher.threshold),
            *(item.item_id for item in items[row]), *(item.title for item in items[row]),
            list(speaks_for), list(speaks_against),
        )  # fmt: skip
        rows.append(dict(zip(COLUMNS, values, strict=True)))
    return rows


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = "; ".join(value) if isinstance(value, list) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
