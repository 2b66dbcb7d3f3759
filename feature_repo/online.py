"""Online features as predictors want them: one trip to the store, numbers in the declared order.

``read_matrix`` gives one entity's numbers, ``read_request`` those of several entities at once,
``read_rows`` every type as Arrow. ``store.get_online_features`` is Feast's own way and slower.
Re-exported by ``feature_repo/store.py``. What "now" is stands in ``stores/packed_online.py``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from feast import FeatureStore

from feature_repo.row_layout import record_kind, row_format
from feature_repo.services import ServiceView, service_views
from feature_repo.stores.packed_online import PackedOnlineStore
from feature_repo.stores.packed_protos import ARROW_TYPES
from feature_repo.stores.packed_reading import MatrixPlan, Rows, States, ViewState, Want
from feature_repo.stores.packed_rows import (
    EPOCH,
    KINDS,
    Key,
    event_microseconds,
    key_bytes,
    microseconds,
)
from governance.declarations import Column, FeatureModel
from governance.errors import InputError, StateError
from governance.receipts import ReadAt

Entity = str | tuple[str, ...]  # a tuple: views keyed by all of these together
Ids = Sequence[Key] | Sequence[tuple[Key, ...]]  # tuples for a composite entity, in its order


KnownTo = tuple[tuple[str, int], ...]  # view, and up to when it knew events, microseconds


@dataclass(eq=False)
class EntityPlan:
    """How one entity's part of a service is read; worked out once."""

    keys: tuple[str, ...]
    models: tuple[FeatureModel, ...]
    parts: tuple[tuple[Column, ...], ...]  # what the service reads of each model, in order
    matrix: MatrixPlan
    columns: tuple[Column, ...]  # those of the matrix
    checked: tuple[States, KnownTo] | None = None  # the states that were last found ready


@dataclass(frozen=True)
class FeatureMatrix:
    """Online values of ``n`` ids: values and missing are (n, d), ages_seconds is (n,)."""

    values: npt.NDArray[np.float64]  # NaN where missing
    missing: npt.NDArray[np.bool_]  # not found, null, or older than its view's ttl
    ages_seconds: npt.NDArray[np.float64]  # of the oldest row used; NaN where none was
    columns: tuple[Column, ...]  # numbers only: text and lists are in read_rows
    clock: int  # microseconds since 1970
    known_to: KnownTo

    @property
    def read_at(self) -> ReadAt:
        """What to ask offline for the same values."""
        return ReadAt(moment(self.clock), {view: moment(at) for view, at in self.known_to})


def read_matrix(
    store: FeatureStore,
    service: str,
    *,
    entity: Entity,
    ids: Ids,
    as_of: datetime | None = None,
) -> FeatureMatrix:
    """The service's numbers of one entity for ``ids``, in one read of the online store.

    Rows older than their ttl at ``as_of`` are missing; without it, at the store's own clock.
    """
    return read_request(store, service, ids={entity: ids}, as_of=as_of)[entity]


def read_request(
    store: FeatureStore,
    service: str,
    *,
    ids: Mapping[Entity, Ids],
    as_of: datetime | None = None,
) -> dict[Entity, FeatureMatrix]:
    """The numbers of several entities (a user and some items), in one trip to the store."""
    plans = [service_plan(service, entity) for entity in ids]
    matrices = read_plans(store, plans, list(ids.values()), as_of=as_of)
    return dict(zip(ids, matrices, strict=True))


def read_plans(
    store: FeatureStore,
    plans: Sequence[EntityPlan],
    ids: Sequence[Ids],
    *,
    as_of: datetime | None = None,
) -> list[FeatureMatrix]:
    """The numbers of each plan for its ids, in one trip to the store."""
    online, pairs = _online_store(store), zip(plans, ids, strict=True)
    wants = [Want(plan.matrix.formats, _keys(plan, asked)) for plan, asked in pairs]
    found = online.read_rows(store.config, wants)
    known_to = [_known_to(plan, found.states) for plan in plans]
    now = online.now(store.config, found.states) if as_of is None else microseconds(as_of)
    parts = zip(plans, found.rows, known_to, strict=True)
    return [_matrix(plan, rows, now=now, known_to=to) for plan, rows, to in parts]


def read_rows(
    store: FeatureStore,
    service: str,
    *,
    entity: Entity,
    ids: Ids,
    as_of: datetime | None = None,
) -> pa.Table:
    """Every column of one entity, text and lists too, after its keys; null where missing."""
    return read_plan_rows(store, service_plan(service, entity), ids, as_of=as_of)


def read_plan_rows(
    store: FeatureStore, plan: EntityPlan, ids: Ids, *, as_of: datetime | None = None
) -> pa.Table:
    """What :func:`read_rows` says, of one plan."""
    online = _online_store(store)
    backend, formats = online.backend(store.config), plan.matrix.formats
    states = backend.all_states()
    _known_to(plan, states)  # refuses what is not ready
    now = online.now(store.config, states) if as_of is None else microseconds(as_of)
    table = dict(zip(plan.keys, map(list, _key_columns(plan, ids)), strict=True))
    read = backend.read(formats, _keys(plan, ids))
    parts = zip(formats, plan.models, plan.parts, read, strict=True)
    for layout, model, columns, records in parts:
        rows, found = layout.unpack(records)
        gone, nulls = ~found, layout.nulls(rows)
        if model.ttl:
            gone |= now - event_microseconds(rows) > model.ttl // timedelta(microseconds=1)
        places = [name for name, _ in layout.ordered]
        for column in columns:
            mask = gone | nulls[:, places.index(column.name)]
            cells = zip(layout.cells(column.name, records, rows), mask.tolist(), strict=True)
            kept = [None if is_null else cell for cell, is_null in cells]
            table[column.name] = pa.array(kept, ARROW_TYPES[record_kind(column)])
    return pa.table(table)


def delete_entities(store: FeatureStore, *, entity: str, ids: Sequence[Key]) -> dict[str, int]:
    """Remove these entities' rows from every view of the online store; rows removed, by view."""
    return _online_store(store).delete_entities(store.config, entity=entity, ids=ids)


@lru_cache(maxsize=64)
def service_plan(service: str, entity: Entity) -> EntityPlan:
    """The views of ``service`` keyed by ``entity`` and nothing else."""
    keys = (entity,) if isinstance(entity, str) else entity
    views = [view for view in service_views(service) if set(view[0].entities) == set(keys)]
    if not views:
        raise InputError(
            f"{service} has no view keyed by {' and '.join(keys)}",
            where="feature_repo/definitions.py",
            next_step="ask for one of its entities",
        )
    return entity_plan(views, keys)


def entity_plan(views: Sequence[ServiceView], keys: tuple[str, ...]) -> EntityPlan:
    """How to read these columns of these views, whose ids come in the order of ``keys``."""
    models, parts = zip(*views, strict=True)
    chosen = [(n, c) for n, columns in enumerate(parts) for c in columns if record_kind(c) in KINDS]
    matrix = MatrixPlan(
        formats=tuple(map(row_format, models)),
        ttls=tuple(model.ttl for model in models),
        columns=tuple((place, column.name) for place, column in chosen),
    )
    return EntityPlan(keys, models, parts, matrix, tuple(column for _, column in chosen))


def moment(at: int) -> datetime:
    """The UTC time that many microseconds after 1970."""
    return (EPOCH + timedelta(microseconds=at)).replace(tzinfo=UTC)


def _online_store(store: FeatureStore) -> PackedOnlineStore:
    online: PackedOnlineStore = store._get_provider().online_store
    return online


def _key_columns(plan: EntityPlan, ids: Ids) -> list[Sequence[Key]]:
    if len(plan.keys) == 1:
        return [ids]  # type: ignore[list-item]
    return [[row[place] for row in ids] for place in range(len(plan.keys))]  # type: ignore[index]


def _keys(plan: EntityPlan, ids: Ids) -> list[bytes]:
    return key_bytes(plan.keys, _key_columns(plan, ids))


def _matrix(plan: EntityPlan, rows: list[Rows], *, now: int, known_to: KnownTo) -> FeatureMatrix:
    numbers = plan.matrix.numbers(rows, now=now)
    return FeatureMatrix(
        values=numbers.values,
        missing=np.isnan(numbers.values),
        ages_seconds=np.fmax.reduce(numbers.ages_seconds),
        columns=plan.columns,
        clock=now,
        known_to=known_to,
    )


def _known_to(plan: EntityPlan, states: States) -> KnownTo:
    """Up to when each view of the plan was materialised; one that is not ready is refused."""
    if plan.checked is not None and plan.checked[0] is states:
        return plan.checked[1]
    known = []
    for model, layout in zip(plan.models, plan.matrix.formats, strict=True):
        state = states.get(layout.view)
        if state is None or state.materialised_to is None or state.schema != layout.schema:
            raise _unready(model, state)
        known.append((layout.view, state.materialised_to))
    plan.checked = states, tuple(known)
    return plan.checked[1]


def _unready(model: FeatureModel, state: ViewState | None) -> StateError:
    why = "it was not materialised, or not since its columns changed"
    if state is not None and state.materialised_to is not None:
        why = "its online rows have other columns than the declaration"
    return StateError(
        f"{model.name} is not ready online",
        where=f"{model.path}:{model.line}",
        why=why,
        next_step="run feature_repo.store.apply and materialise (counterfoil build does)",
    )
