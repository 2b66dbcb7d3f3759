"""Listings of the home's shop: judged, repairs proposed, accepted, taken back.

Apart from ``cli_listings.py`` because it imports LightGBM and the encoder. The model is kept in
``listings/<shop>.json`` of the home and learned anew when the items have changed. Raw items are
only read; repaired texts are rows of the record store.
"""

from collections.abc import Callable, Container, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb

from flows.importers.landing import Landing, current_landing
from flows.listing_readings import embed_by, model_path
from governance import repair_ledger
from governance.errors import InputError, StateError
from governance.files import digest_of
from governance.records import ListingRepair, session
from governance.settings import Settings
from training.attributes.model import Extractor
from training.attributes.package_sizes import Told, extractor_of_shop, told_by
from training.attributes.rules_file import read_rules
from training.encoder.checkpoint import load_encoder
from training.listing_quality.catalogue_file import read_shop
from training.listing_quality.evidence import learn_catalogue
from training.listing_quality.listing import Listing
from training.listing_quality.model import QualityModel, Verdict
from training.listing_quality.model_file import load_quality, save_quality, source_digest
from training.listing_quality.train import read_quality_knobs, train
from training.listing_repairs.knowledge import Knowledge, learn_habits
from training.listing_repairs.model import Proposal, propose, repaired

Talk = Callable[[str], None]
_COLUMNS = {
    "title": "title", "description": "description", "brand": "brand", "category": "category_path",
}  # fmt: skip
_FORM = 2  # of the rules that propose: part of the digest in every proposal


def judge(settings: Settings, *, limit: int, talk: Talk) -> list[tuple[Listing, Verdict]]:
    """The first listings by id, repairs applied, with what is to be said of each."""
    items = items_of(settings)
    raw = read_shop(items.path)
    model = _model(settings, items, raw, talk)
    shown = _as_repaired(settings, raw[:limit])
    return list(zip(shown, model.verdicts(shown, progress=talk), strict=True))


def propose_repairs(settings: Settings, *, limit: int, actor: str) -> list[ListingRepair]:
    """Propose repairs of the first listings by id; every one that waits for a decision."""
    items = items_of(settings)
    raw = read_shop(items.path)
    knowledge = Knowledge(learn_catalogue(raw), learn_habits(raw))
    extractor, sizes = extractor_of(items.path, raw)
    empty = _empty_fields(items.path)
    shown = zip(_as_repaired(settings, raw[:limit]), sizes[:limit], strict=True)
    found = [
        _in_raw_terms(proposal, empty)
        for one, told in shown
        for proposal in propose(_with_sizes(one, told), knowledge, extractor)
    ]
    digest = digest_of({"form": _FORM, "items": items.sha256})
    with session(settings) as records:
        repair_ledger.propose(records, settings.shop, found, model_digest=digest, actor=actor)
        records.flush()
        states = repair_ledger.states(records, settings.shop).values()
        return [row for row in states if row.event in repair_ledger.WAITING]


def accept(settings: Settings, repair_id: str, *, actor: str) -> ListingRepair:
    """Apply a repair to the text as it stands in the newest raw items."""
    with session(settings) as records:
        repair = _own(settings, repair_ledger.last_event(records, repair_id))
        raw = raw_text(items_of(settings).path, repair.item_id, repair.field)
        repair_ledger.accept(records, repair_id, actor=actor, raw=raw)
        records.flush()
        return repair_ledger.last_event(records, repair_id)


def reject(settings: Settings, repair_id: str, *, actor: str) -> ListingRepair:
    """Decide against a repair."""
    with session(settings) as records:
        _own(settings, repair_ledger.last_event(records, repair_id))
        repair_ledger.reject(records, repair_id, actor=actor)
        records.flush()
        return repair_ledger.last_event(records, repair_id)


def revert(settings: Settings, repair_id: str, *, actor: str) -> ListingRepair:
    """Take an applied repair back."""
    with session(settings) as records:
        _own(settings, repair_ledger.last_event(records, repair_id))
        repair_ledger.revert(records, repair_id, actor=actor)
        records.flush()
        return repair_ledger.last_event(records, repair_id)


def raw_text(items_path: Path, item_id: str, field: str) -> str | None:
    """A field as the shop wrote it; None where it is null or the raw table has no such field."""
    if field not in _COLUMNS:
        return None
    sql = f"select {_COLUMNS[field]} from read_parquet(?) where item_id = ?"
    with duckdb.connect() as memory:
        row = memory.execute(sql, [str(items_path), item_id]).fetchone()
    if row is None:
        raise InputError(f"there is no item {item_id}", where=str(items_path))
    return None if row[0] is None else str(row[0])


def extractor_of(items_path: Path, listings: Sequence[Listing]) -> tuple[Extractor, list[Told]]:
    """The rules as sure as the shop's package sizes say, and what each listing's size states."""
    sizes = told_by(_package_sizes(items_path, listings), read_rules())
    return extractor_of_shop([one.title for one in listings], sizes, read_rules()), sizes


def items_of(settings: Settings) -> Landing:
    """The shop's newest landed items."""
    landing = current_landing(settings.raw_dir, settings.shop, "items")
    if landing is None:
        raise StateError(
            f"raw table items of shop {settings.shop} is missing",
            where=str(settings.raw_dir / settings.shop / "items"),
            why="listings are read from the landed items, and there are none",
            next_step=f"counterfoil import {settings.shop}",
        )
    return landing


def _model(settings: Settings, items: Landing, raw: Sequence[Listing], talk: Talk) -> QualityModel:
    encoder, knobs = load_encoder(settings.encoder), read_quality_knobs()
    path, embed = model_path(settings), embed_by(encoder)
    source = source_digest(raw, knobs, encoder.digest)
    model = load_quality(path, raw, knobs, source, embed)
    if model is None:
        talk("learning what a good listing of this shop is: about 3 minutes, once")
        model = train(raw, knobs, embed=embed, progress=talk)
        save_quality(path, model, source, landing_id=items.landing_id)
    return model


def _as_repaired(settings: Settings, listings: Sequence[Listing]) -> list[Listing]:
    """The listings with the repaired texts that hold now."""
    with session(settings) as records:
        texts = repair_ledger.texts_now(records, settings.shop)
    by_item: dict[str, list[tuple[str, repair_ledger.Repaired]]] = {}
    for (item_id, field), text in texts.items():
        by_item.setdefault(item_id, []).append((field, text))
    return [_with_texts(one, by_item.get(one.item_id, [])) for one in listings]


def _with_texts(one: Listing, texts: list[tuple[str, repair_ledger.Repaired]]) -> Listing:
    """Each where the raw text is still the one that was repaired."""
    return repaired(
        one,
        [
            Proposal(one.item_id, field, "", found.raw or "", found.text or "", "", 1.0)
            for field, found in texts
        ],
    )


def _package_sizes(items_path: Path, listings: Sequence[Listing]) -> list[str]:
    """The package size of each listing as the shop wrote it; empty where it has none."""
    sql = "select item_id, package_size from read_parquet(?) where package_size is not null"
    with duckdb.connect() as memory:
        sizes = dict(memory.execute(sql, [str(items_path)]).fetchall())
    return [str(sizes.get(one.item_id, "")) for one in listings]


def _with_sizes(one: Listing, told: Told) -> Listing:
    """The listing with what its package size says: known, so no title proposes it."""
    known = ((name, ", ".join(sorted(map(str, values)))) for name, values in sorted(told.items()))
    return replace(one, attributes=(*one.attributes, *known))


def _empty_fields(items_path: Path) -> frozenset[tuple[str, str]]:
    """Item and field of every raw text that is null."""
    parts = [
        f"select item_id, '{field}' from read_parquet($path) where {column} is null"
        for field, column in _COLUMNS.items()
    ]
    with duckdb.connect() as memory:
        rows = memory.execute(" union all ".join(parts), {"path": str(items_path)}).fetchall()
    return frozenset((str(item_id), str(field)) for item_id, field in rows)


def _in_raw_terms(one: Proposal, empty: Container[tuple[str, str]]) -> repair_ledger.Repair:
    """The proposal with null where the raw field is null, or where there is no such field."""
    is_null = not one.before and (one.field not in _COLUMNS or (one.item_id, one.field) in empty)
    return repair_ledger.Repair(
        one.item_id, one.field, one.kind, None if is_null else one.before, one.after, one.reason,
        one.confidence,
    )  # fmt: skip


def _own(settings: Settings, repair: ListingRepair) -> ListingRepair:
    if repair.shop != settings.shop:
        raise InputError(
            f"repair {repair.repair_id} is of shop {repair.shop}",
            where=f"shop {settings.shop}",
            next_step=f"COUNTERFOIL_SHOP={repair.shop} counterfoil listings propose",
        )
    return repair
