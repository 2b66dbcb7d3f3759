"""Receipts: the one place where a decision becomes a record, and a record becomes an explanation.

A predictor calls :func:`record_decisions` before its answer leaves, for every answer: personal,
cold start or degraded. ``counterfoil explain <request_id>`` and KServe's ``:explain`` read it back.
What belongs here later: the full receipt (hash chain over the records, replay from the bundle).
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlmodel import select

from governance.errors import InputError
from governance.files import canonical_json
from governance.records import Decision, session
from governance.settings import Settings

SHOWN_USER_FEATURES = 8  # two lines of a terminal; --json has all of them
SHOWN_ITEM_FEATURES = 4  # one line under each item
_FALLBACKS = {
    "cold_start": "the model does not know this user",
    "new_item": "the model does not know what goes with these items",
    "new_user_and_item": "the model knows neither this user nor what goes with these items",
}


@dataclass(frozen=True)
class Identity:
    """Which model answers, and which features it was trained on."""

    name: str
    version: str
    digest: str
    feature_service: str
    schema_hash: str


@dataclass(frozen=True)
class ReadAt:
    """The state of the online store at a read, from which offline can say what it should hold.

    ``views`` is the instant up to which each view was materialised; ``clock`` is the one that ages
    and ttls were counted to. All in UTC, of the data and not of the day.
    """

    clock: datetime
    views: Mapping[str, datetime]

    def as_dict(self) -> dict[str, object]:
        views = {view: at.isoformat() for view, at in self.views.items()}
        return {"clock": self.clock.isoformat(), "views": views}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "ReadAt":
        views = {view: datetime.fromisoformat(at) for view, at in fields["views"].items()}
        return cls(datetime.fromisoformat(fields["clock"]), views)


@dataclass(frozen=True)
class Evidence:
    """What a decision was made from: who was considered, and every feature value that was read.

    ``user_values`` follows ``user_columns``; ``item_values[item_id]`` follows ``item_columns``.
    None is a value the store did not have; the predictor then used the declared default. A read
    that failed has no ``read_at``.
    """

    candidates: Sequence[Mapping[str, object]]
    user_columns: Sequence[str]
    user_values: Sequence[float | None]
    item_columns: Sequence[str]
    item_values: Mapping[str, Sequence[float | None]]
    user_read_at: ReadAt | None = None
    item_read_at: ReadAt | None = None
    policy: Mapping[str, object] = field(default_factory=dict)  # what happened after ranking


@dataclass(frozen=True)
class Decided:
    """One answer ready to be recorded, with the model and the evidence behind it."""

    identity: Identity
    requested_at: datetime
    request: Mapping[str, object]
    answer: Mapping[str, object]
    evidence: Evidence

    @property
    def request_id(self) -> str:
        return str(self.answer["request_id"])


def record_decisions(settings: Settings, decisions: Sequence[Decided]) -> None:
    """Write all decisions of one request in one transaction; all are kept or none is."""
    rows = [_record(decided) for decided in decisions]
    with session(settings) as opened:
        opened.add_all(rows)


def record_decision(settings: Settings, decided: Decided) -> None:
    """Write one decision in a transaction of its own."""
    record_decisions(settings, [decided])


def load_decision(settings: Settings, request_id: str) -> Decision:
    """The decision of a request id; InputError when no answer has that id."""
    with session(settings) as opened:
        found = opened.exec(select(Decision).where(Decision.request_id == request_id)).first()
    if found is None:
        raise InputError(
            "no decision has this request id",
            where=f"request_id {request_id[:64]}",
            why="the id was not given by this home's predictor, or its record was removed",
            next_step="take request_id from an answer: counterfoil predict --user <id> --json",
        )
    return found


def explain_decision(decision: Decision) -> dict[str, object]:
    """A decision as JSON: everything the record holds, with its parts decoded."""
    return {
        "request_id": decision.request_id,
        "requested_at": _utc(decision.requested_at).isoformat(),
        "model_name": decision.model_name,
        "model_version": decision.model_version,
        "model_digest": decision.model_digest,
        "feature_service": decision.feature_service,
        "schema_hash": decision.schema_hash,
        "user_id": decision.user_id,
        "surface": decision.surface,
        "fallback": decision.fallback,
        "is_degraded": decision.is_degraded,
        "request": json.loads(decision.request_json),
        "answer": json.loads(decision.answer_json),
        "candidates": json.loads(decision.candidates_json),
        "features": json.loads(decision.features_json),
        "policy": json.loads(decision.policy_json),
    }


def explain_text(decision: Decision) -> str:
    """A decision for a person: who asked, what answered, and why each item stands where it does."""
    features = json.loads(decision.features_json)
    answer = json.loads(decision.answer_json)
    lines = [*_head(decision, features), ""]
    for place, item in enumerate(answer["items"], start=1):
        lines += _item_lines(place, item, features)
    lines += _policy_lines(json.loads(decision.policy_json))
    return "\n".join(lines)


def _record(decided: Decided) -> Decision:
    evidence = decided.evidence
    features = {
        "user_columns": list(evidence.user_columns),
        "user_values": list(evidence.user_values),
        "item_columns": list(evidence.item_columns),
        "item_values": {item: list(values) for item, values in evidence.item_values.items()},
        "user_read_at": evidence.user_read_at and evidence.user_read_at.as_dict(),
        "item_read_at": evidence.item_read_at and evidence.item_read_at.as_dict(),
    }
    fallback = decided.answer.get("fallback")
    return Decision(
        request_id=decided.request_id,
        requested_at=decided.requested_at,
        model_name=decided.identity.name,
        model_version=decided.identity.version,
        model_digest=decided.identity.digest,
        feature_service=decided.identity.feature_service,
        schema_hash=decided.identity.schema_hash,
        user_id=str(decided.answer["user_id"]),
        surface=str(decided.answer["surface"]),
        fallback=None if fallback is None else str(fallback),
        is_degraded=bool(decided.answer.get("is_degraded", False)),
        request_json=canonical_json(dict(decided.request)),
        candidates_json=canonical_json([dict(candidate) for candidate in evidence.candidates]),
        features_json=canonical_json(features),
        answer_json=canonical_json(dict(decided.answer)),
        policy_json=canonical_json(dict(evidence.policy)),
    )


def _head(decision: Decision, features: dict[str, Any]) -> list[str]:
    asked_at = _utc(decision.requested_at).strftime("%Y-%m-%d %H:%M:%S UTC")
    request = json.loads(decision.request_json)
    considered = len(json.loads(decision.candidates_json))
    model = f"{decision.model_name} {decision.model_version}, digest {decision.model_digest[:12]}"
    service = f"{decision.feature_service}, schema {decision.schema_hash[:12]}"
    head = [
        ("decision", f"{decision.request_id}, {asked_at}"),
        ("asked by", f"user {decision.user_id} on {decision.surface}, k {request.get('k')}"),
        ("answered by", f"{model}; features {service}"),
        ("considered", f"{considered:,} candidates"),
        ("user", _values(features["user_columns"], features["user_values"], SHOWN_USER_FEATURES)),
    ]
    if decision.fallback:
        why = _FALLBACKS.get(decision.fallback, "see the model")
        head.append(("fallback", f"{decision.fallback}: {why}"))
    if decision.is_degraded:
        head.append(("degraded", "the feature store did not answer; declared defaults were used"))
    return [f"{label:<12} {text}" for label, text in head]


def _policy_lines(policy: dict[str, Any]) -> list[str]:
    """What the surface's policy did, one line each; nothing for a record from before it."""
    if not policy:
        return []
    counts = Counter(drop["reason"] for drop in policy["dropped"])
    dropped = ", ".join(f"{n} {reason}" for reason, n in counts.most_common()) or "nothing"
    found = ["", f"{'dropped':<12} {dropped}"]
    if drawn := policy["exploration"]:
        chance = f"with probability {drawn['propensity']:.4g}"
        found.append(f"{'drawn':<12} item {drawn['item_id']} at place {drawn['place']}, {chance}")
    found.append(f"{'stock':<12} {policy['availability']}")
    return [*found, f"{'policy':<12} {policy['surface']}, digest {policy['digest'][:12]}"]


def _item_lines(place: int, item: dict[str, Any], features: dict[str, Any]) -> list[str]:
    reasons = "; ".join(item["reasons"]) or "no reason recorded"
    values = features["item_values"].get(item["item_id"])
    lines = [
        f"{place:>3}. {item['title']} (item {item['item_id']})",
        f"     score {item['score']:.6g}, found by {item['retriever']}: {reasons}",
    ]
    if values is not None:
        lines.append("     " + _values(features["item_columns"], values, SHOWN_ITEM_FEATURES))
    return lines


def _values(columns: Sequence[str], values: Sequence[float | None], limit: int) -> str:
    known = [(c, v) for c, v in zip(columns, values, strict=True) if v is not None]
    shown = ", ".join(f"{column} {value:.6g}" for column, value in known[:limit])
    more = f" and {len(known) - limit} more" if len(known) > limit else ""
    missing = len(values) - len(known)
    return (shown or "no value") + more + (f" ({missing} missing)" if missing else "")


def _utc(at: datetime) -> datetime:
    """SQLite gives times back without their zone; they were written in UTC."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
