"""What a change of declarations would do: the working tree against what was last applied.

Pure. A change breaks when a service that a released model reads would have other columns, types or
defaults, another order, or would no longer be served. ``counterfoil features plan`` prints it.
"""

import json
from dataclasses import dataclass, replace
from typing import Literal

from feature_repo.applied import Declared, Facts, schema_of

# Why a fact that changed breaks whoever reads it; what is not here breaks nobody.
_BREAKING = {
    "type": "it would be read as another type",
    "default": "a missing value would be served as another",
    "entity": "its rows would be found by other keys",
}
_HARMLESS = {
    "ttl_days": "the columns stay; older rows become missing, or come back",
    "pii": "the columns stay; who may see them changes",
    "online": "it would be served from the next build on",
    "table": "the columns stay; another table feeds them",
    "timestamp": "the columns stay; another column dates the rows",
    "created_timestamp": "the columns stay; another column says when a row was known",
}


@dataclass(frozen=True)
class Released:
    """A bundle that the gate let through, and what it was trained on."""

    model: str
    version: str
    service: str
    schema_hash: str


@dataclass(frozen=True)
class Change:
    """One difference; ``breaks`` says why it would break a reader, or is empty."""

    change: Literal["added", "removed", "changed"]
    subject: str
    what: str
    services: tuple[str, ...]
    released: tuple[str, ...] = ()
    breaks: str = ""
    verdict: str = ""

    @property
    def is_breaking(self) -> bool:
        return bool(self.breaks and self.released)


def diff(before: Declared, after: Declared, released: tuple[Released, ...]) -> tuple[Change, ...]:
    """Every difference between two declarations, tables first, then features, then services."""
    found = [
        *_facts_changed(before, after, "tables"),
        *_facts_changed(before, after, "features"),
        *_services_changed(before, after),
    ]
    at_risk = [r for r in released if schema_of(before, r.service) == r.schema_hash]
    return tuple(_with_verdict(change, at_risk) for change in found)


def _facts_changed(before: Declared, after: Declared, kind: str) -> list[Change]:
    old, new = (getattr(declared, kind) for declared in (before, after))
    changes = []
    for name in sorted({*old, *new}):
        services = tuple(sorted(_readers(before, name) | _readers(after, name)))
        if name not in old:
            changes.append(Change("added", name, _summary(new[name]), services))
        elif name not in new:
            what = _summary(old[name])
            changes.append(Change("removed", name, what, services, breaks="it would be gone"))
        else:
            changes += _fact_changes(name, old[name], new[name], services)
    return changes


def _fact_changes(name: str, old: Facts, new: Facts, services: tuple[str, ...]) -> list[Change]:
    changes = []
    for fact in (fact for fact in new if old.get(fact) != new[fact]):
        what = f"{fact} {_written(old.get(fact))} -> {_written(new[fact])}"
        breaks = _BREAKING.get(fact, "")
        if fact == "online" and new[fact] is False:
            breaks = "it would no longer be served"
        verdict = "" if breaks else _HARMLESS.get(fact, "what new rows must obey changes")
        changes.append(Change("changed", name, what, services, breaks=breaks, verdict=verdict))
    return changes


def _services_changed(before: Declared, after: Declared) -> list[Change]:
    changes = []
    for service in sorted({*before.services, *after.services}):
        old, new = before.services.get(service), after.services.get(service)
        if old is None and new is not None:
            changes.append(Change("added", service, _counted(new), (service,)))
        elif new is None and old is not None:
            what, gone = _counted(old), "the service would be gone"
            changes.append(Change("removed", service, what, (service,), breaks=gone))
        elif old is not None and new is not None and old != new:
            why = "its columns would be others, or in another order"
            changes.append(Change("changed", service, _moved(old, new), (service,), breaks=why))
    return changes


def _with_verdict(change: Change, at_risk: list[Released]) -> Change:
    readers = [r for r in at_risk if r.service in change.services]
    released = tuple(f"{r.model} {r.version}" for r in readers)
    if not change.breaks:
        why = change.verdict or "nothing that is read changes"
    elif not released:
        why = "no released model reads it"
    else:
        why = change.breaks
    return replace(change, released=released, verdict=why)


def _readers(declared: Declared, name: str) -> set[str]:
    """The services that name the feature, or a feature of the table."""
    return {
        service
        for service, names in declared.services.items()
        if any(name in (n, declared.features.get(n, {}).get("table")) for n in names)
    }


def _summary(facts: Facts) -> str:
    if "entity" in facts:
        return f"table keyed by {facts['entity']}, ttl {facts['ttl_days']}d"
    return f"{facts['type']} of {facts['table']}, default {_written(facts['default'])}"


def _counted(names: tuple[str, ...]) -> str:
    return f"{len(names)} feature{'s' if len(names) != 1 else ''}"


def _moved(old: tuple[str, ...], new: tuple[str, ...]) -> str:
    gained = [f"+{name}" for name in new if name not in old]
    lost = [f"-{name}" for name in old if name not in new]
    return " ".join([*gained, *lost]) or "other order"


def _written(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
