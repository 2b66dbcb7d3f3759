"""Amended titles of ``keywords.py`` in the ledger of repairs: proposals of the kind ``keywords``.

Nothing changes until a person accepts one, and what was accepted can be taken back.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from flows.listings import items_of
from governance import repair_ledger
from governance.files import digest_of
from governance.records import session
from governance.settings import Settings

KIND = "keywords"
_FORM = 1  # of the rules that propose: part of the digest in every proposal


def proposed_repairs(
    settings: Settings, items: Sequence[Mapping[str, Any]], *, index_version: str
) -> dict[str, dict[str, str]]:
    """Id and state of each amended title by item; none where the shop has another title by now."""
    amended = {one["item"]: one for one in items if one["words"]}
    if not amended:
        return {}
    landing = items_of(settings)
    digest = digest_of({"form": _FORM, "items": landing.sha256, "index": index_version})
    with session(settings) as records:
        now = _titles_now(
            landing.path, list(amended), repair_ledger.texts_now(records, settings.shop)
        )
        repairs = {
            item_id: _repair(one)
            for item_id, one in amended.items()
            if now.get(item_id) == one["title"]
        }
        repair_ledger.propose(
            records, settings.shop, list(repairs.values()), model_digest=digest, actor="counterfoil"
        )
        records.flush()
        states = repair_ledger.states(records, settings.shop)
        ids = {key: repair_ledger.id_of(settings.shop, one) for key, one in repairs.items()}
        return {key: {"id": one, "event": states[one].event} for key, one in ids.items()}


def _repair(one: Mapping[str, Any]) -> repair_ledger.Repair:
    """``confidence`` is measured: the share of the missed purchases whose query finds it then."""
    said = "; ".join(f"{word['word']} ({word['because']})" for word in one["words"])
    return repair_ledger.Repair(
        item_id=one["item"],
        field="title",
        kind=KIND,
        before=one["title"],
        after=one["amended_title"],
        reason=f"shoppers ask for it so: {said}",
        confidence=one["mended_share"],
    )


def _titles_now(
    items_path: Path,
    item_ids: list[str],
    repaired: Mapping[tuple[str, str], repair_ledger.Repaired],
) -> dict[str, str | None]:
    """Titles as the shop writes them, or as an accepted repair of that text has them."""
    sql = "select item_id, title from read_parquet($path) where list_contains($ids, item_id)"
    with duckdb.connect() as memory:
        raw = dict(memory.execute(sql, {"path": str(items_path), "ids": item_ids}).fetchall())
    held = {item_id: repaired.get((item_id, "title")) for item_id in raw}
    return {
        item_id: one.text if (one := held[item_id]) and one.raw == title else title
        for item_id, title in raw.items()
    }
