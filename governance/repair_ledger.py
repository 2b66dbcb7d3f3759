"""The ledger of listing repairs: proposed, decided by a person, applied, and taken back exactly.

Events are appended, never changed; a repair's state is its last event. Raw files stay as they are:
an applied repair is a new row of ``listing_text`` beside the raw text, which later stages may read.
Only a call with an actor's name applies anything; what a listing's text says decides nothing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from sqlmodel import Session, col, select

from governance.errors import InputError, StateError
from governance.files import digest_of
from governance.records import ListingRepair, ListingText

WAITING = ("proposed", "reverted")  # events after which a repair may be accepted
_OPINION = ("reason", "confidence", "kind")  # what is thought of a change, not the change
_ID_LENGTH = 12  # of 64 hex digits: enough for 10^6 repairs of a shop


@dataclass(frozen=True)
class Repair:
    """A proposed change of one field; None is a field that is empty in the raw table."""

    item_id: str
    field: str
    kind: str
    before: str | None
    after: str | None
    reason: str
    confidence: float


@dataclass(frozen=True)
class Repaired:
    """The text that holds, and the raw one that it was made from."""

    text: str | None
    raw: str | None


def propose(
    records: Session, shop: str, repairs: Sequence[Repair], *, model_digest: str, actor: str
) -> list[str]:
    """Append what was not proposed before; the ids of the new ones."""
    known = set(records.exec(select(ListingRepair.repair_id).where(ListingRepair.shop == shop)))
    added: list[str] = []
    for one in repairs:
        repair_id = id_of(shop, one)
        if repair_id not in known:
            known.add(repair_id)
            added.append(repair_id)
            records.add(
                ListingRepair(
                    repair_id=repair_id, event="proposed", actor=actor, shop=shop,
                    item_id=one.item_id, field=one.field, kind=one.kind,
                    before_json=json.dumps(one.before), after_json=json.dumps(one.after),
                    reason=one.reason, confidence=one.confidence, model_digest=model_digest,
                )
            )  # fmt: skip
    return added


def id_of(shop: str, one: Repair) -> str:
    """The same change has the same id, whoever proposes it and however sure."""
    change = {key: json.dumps(value) for key, value in asdict(one).items() if key not in _OPINION}
    return digest_of({"shop": shop, **change})[:_ID_LENGTH]


def accept(records: Session, repair_id: str, *, actor: str, raw: str | None) -> ListingText:
    """Decide for a repair and apply it; StateError where the text is another by now."""
    last = last_event(records, repair_id)
    if last.event not in WAITING:
        raise _not_now(last, "accepted")
    top = _top(records, last)
    is_of_this = top is not None and _raw_json(records, top) == json.dumps(raw)
    current = top.after_json if top and is_of_this else json.dumps(raw)
    if current != last.before_json:
        raise StateError(
            f"repair {repair_id} was proposed for another text",
            where=f"{last.field} of item {last.item_id}",
            why=f"the text is {current[:80]} now, not {last.before_json[:80]}",
            next_step="counterfoil listings propose",
        )
    for event in ("accepted", "applied"):
        records.add(_event(last, event, actor))
    return _write(records, last, raw_json=json.dumps(raw), value_json=last.after_json)


def reject(records: Session, repair_id: str, *, actor: str) -> None:
    """Decide against a repair; the same change is not proposed again."""
    last = last_event(records, repair_id)
    if last.event not in WAITING:
        raise _not_now(last, "rejected")
    records.add(_event(last, "rejected", actor))


def revert(records: Session, repair_id: str, *, actor: str) -> ListingText:
    """Bring back the text before, byte for byte; later repairs of the field come off first."""
    last = last_event(records, repair_id)
    if last.event != "applied":
        raise _not_now(last, "reverted")
    top = _top(records, last)
    if top is not None and top.repair_id != repair_id:
        raise StateError(
            f"repair {repair_id} is not the newest of its text",
            where=f"{last.field} of item {last.item_id}",
            why=f"repair {top.repair_id} was applied to the text that it made",
            next_step=f"counterfoil listings revert {top.repair_id}",
        )
    raw_json = _raw_json(records, last)
    records.add(_event(last, "reverted", actor))
    return _write(records, last, raw_json=raw_json, value_json=last.before_json)


def texts_now(records: Session, shop: str) -> dict[tuple[str, str], Repaired]:
    """The repaired texts, by item and field; others are as in raw/.

    One holds while the raw text is what it was repaired from: a shop that writes another text has
    mended it, or means something else.
    """
    newest: dict[tuple[str, str], ListingText] = {}
    for row in records.exec(
        select(ListingText).where(ListingText.shop == shop).order_by(col(ListingText.id))
    ):
        newest[row.item_id, row.field] = row
    return {
        key: Repaired(json.loads(row.value_json), json.loads(row.raw_json))
        for key, row in newest.items()
        if row.is_repaired
    }


def states(records: Session, shop: str) -> Mapping[str, ListingRepair]:
    """The last event of every repair of a shop, in the order of proposal."""
    found: dict[str, ListingRepair] = {}
    for row in records.exec(
        select(ListingRepair).where(ListingRepair.shop == shop).order_by(col(ListingRepair.id))
    ):
        found[row.repair_id] = row
    return found


def last_event(records: Session, repair_id: str) -> ListingRepair:
    """The last event of a repair; InputError where there is none of that id."""
    found = records.exec(
        select(ListingRepair)
        .where(ListingRepair.repair_id == repair_id)
        .order_by(col(ListingRepair.id).desc())
        .limit(1)
    ).first()
    if found is None:
        raise InputError(
            f"there is no repair {repair_id}",
            where="the record store",
            next_step="counterfoil listings propose",
        )
    return found


def _top(records: Session, repair: ListingRepair) -> ListingRepair | None:
    """The repair of the same field that was applied last and not taken back."""
    last: dict[str, ListingRepair] = {}
    for row in records.exec(
        select(ListingRepair)
        .where(
            ListingRepair.shop == repair.shop,
            ListingRepair.item_id == repair.item_id,
            ListingRepair.field == repair.field,
        )
        .order_by(col(ListingRepair.id))
    ):
        last[row.repair_id] = row
    applied = [row for row in last.values() if row.event == "applied"]
    return max(applied, key=lambda row: row.id or 0, default=None)


def _raw_json(records: Session, repair: ListingRepair) -> str:
    """The raw text as it was when the repair was applied."""
    return records.exec(
        select(ListingText.raw_json)
        .where(ListingText.shop == repair.shop, ListingText.repair_id == repair.repair_id)
        .order_by(col(ListingText.id).desc())
        .limit(1)
    ).one()


def _write(
    records: Session, repair: ListingRepair, *, raw_json: str, value_json: str
) -> ListingText:
    row = ListingText(
        shop=repair.shop, item_id=repair.item_id, field=repair.field, raw_json=raw_json,
        value_json=value_json, is_repaired=value_json != raw_json, repair_id=repair.repair_id,
    )  # fmt: skip
    records.add(row)
    records.flush()
    return row


def _event(repair: ListingRepair, event: str, actor: str) -> ListingRepair:
    kept = repair.model_dump(exclude={"id", "recorded_at", "event", "actor"})
    return ListingRepair(**kept, event=event, actor=actor)


def _not_now(repair: ListingRepair, wanted: str) -> StateError:
    return StateError(
        f"repair {repair.repair_id} cannot be {wanted}",
        where=f"{repair.field} of item {repair.item_id}",
        why=f"it is {repair.event} (by {repair.actor})",
        next_step="counterfoil listings propose shows the repairs that wait",
    )
