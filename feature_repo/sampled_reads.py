"""Reads to check: what predictors logged, and what the online store gives right now.

Logged reads come from decision records, newest first, a few ids of each. Live reads ask the online
store for ids of the feature tables, for some whose newest row is past its ttl, and for one that no
table has.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

import numpy as np
from sqlmodel import col, select

from feature_repo.consistency import Read
from feature_repo.definitions import SERVICES
from feature_repo.services import schema_hash, service_models, service_views
from feature_repo.stores.feature_table import connect
from governance.builds import Builds, read_builds
from governance.declarations import FeatureModel
from governance.files import digest_of
from governance.receipts import ReadAt
from governance.records import Decision, session
from governance.settings import Settings

ITEMS_A_DECISION = 4  # an answer has a few hundred items of one instant; more answers say more
EXPIRED_SHARE = 8  # one live id in so many is past its ttl, where there are such
NO_SUCH_ID = "an id that no table has"
DECISIONS_A_FETCH = 50  # 20 kB each


@dataclass(frozen=True)
class LoggedReads:
    """Reads of decisions; decisions of other columns, or that do not say their instant, are not."""

    reads: tuple[Read, ...]
    set_aside: int  # decisions passed over on the way to these reads


def logged_reads(settings: Settings, *, sample: int) -> LoggedReads:
    """Up to ``sample`` reads of the newest decisions; which items of each, the seed decides."""
    builds = read_builds(settings)
    hashes = {name: schema_hash(name, dbt_dir=settings.dbt_dir) for name in SERVICES}
    reads: list[Read] = []
    set_aside = 0
    for decision in _newest_decisions(settings, limit=sample):
        if len(reads) >= sample:
            break
        found: list[Read] = []
        if hashes.get(decision.feature_service) == decision.schema_hash:
            found = list(_reads_of(decision, builds, seed=settings.seed))
        reads += found
        set_aside += not found
    return LoggedReads(tuple(reads[:sample]), set_aside)


def live_reads(settings: Settings, *, sample: int, now: datetime) -> tuple[Read, ...]:
    """``sample`` reads of the online store as it is now, shared out over services and entities.

    A service whose every feature another one has is not asked for again: an earlier version of it.
    """
    from feature_repo.store import open_store, read_matrix  # Feast: seconds

    store = open_store(settings)
    reads: list[Read] = []
    kinds = [(service, entity) for service in _widest() for entity in _entities(service)]
    for place, (service, entity) in enumerate(kinds):
        count = (sample - len(reads)) // (len(kinds) - place)
        clock = read_matrix(store, service, entity=entity, ids=[]).read_at.clock
        ids = _live_ids(settings, service, entity, clock=clock, count=count)
        matrix = read_matrix(store, service, entity=entity, ids=ids)
        names = [column.name for column in matrix.columns]
        values = np.where(np.isfinite(matrix.values), matrix.values, np.nan).astype(object)
        values[matrix.missing] = None
        reads += [
            Read(
                service=service,
                entity=entity,
                entity_id=key,
                values=dict(zip(names, row, strict=True)),
                at=matrix.read_at,
                made_at=now,
                origin="live",
            )
            for key, row in zip(ids, values.tolist(), strict=True)
        ]
    return tuple(reads)


def _newest_decisions(settings: Settings, *, limit: int) -> Iterator[Decision]:
    with session(settings) as records:
        chosen = (
            select(Decision)
            .where(col(Decision.is_degraded).is_(False))
            .order_by(col(Decision.id).desc())
            .limit(limit)
            .execution_options(yield_per=DECISIONS_A_FETCH)
        )
        yield from records.exec(chosen)


def _reads_of(decision: Decision, builds: Builds, *, seed: int) -> Iterator[Read]:
    features = json.loads(decision.features_json)
    is_old = builds.online_at(decision.requested_at) != builds.present
    given = {"user_id": {decision.user_id: features["user_values"]}}
    by_chance = sorted(
        features["item_values"], key=lambda key: digest_of([seed, decision.request_id, key])
    )
    chosen = islice(by_chance, ITEMS_A_DECISION)
    given["item_id"] = {item: features["item_values"][item] for item in chosen}
    for entity, by_id in given.items():
        kind = entity.removesuffix("_id")
        if read_at := features.get(f"{kind}_read_at"):
            at, names = ReadAt.from_dict(read_at), features[f"{kind}_columns"]
            for key, row in by_id.items():
                values = dict(zip(names, row, strict=True))
                yield Read(
                    service=decision.feature_service,
                    entity=entity,
                    entity_id=key,
                    values=values,
                    at=at,
                    made_at=decision.requested_at,
                    origin="logged",
                    is_superseded=is_old,
                )


def _widest() -> list[str]:
    """The services of which no other one has all features."""
    features = {
        service: {(view, name) for view, names in views.items() for name in names}
        for service, views in SERVICES.items()
    }
    return sorted(
        service
        for service, own in features.items()
        if not any(own < other for other in features.values())
    )


def _entities(service: str) -> list[str]:
    """The entities that have online views of their own in a service, in its order."""
    models = (model for model, _ in service_views(service))
    return list(dict.fromkeys(m.entities[0] for m in models if len(m.entities) == 1))


def _live_ids(
    settings: Settings, service: str, entity: str, *, clock: datetime, count: int
) -> list[str]:
    """Ids by hash of the seed: some expired, one unknown, the rest any."""
    models = [m for m in service_models(service) if m.entities == (entity,)]
    now = clock.astimezone(UTC).replace(tzinfo=None)
    tables = " union all ".join(_ids_sql(model, settings, now=now) for model in models)
    query = f"""
        with ids as (select id, bool_or(is_expired) as is_expired from ({tables}) group by id)
        select id, is_expired
        from ids
        qualify row_number() over (
            partition by is_expired order by md5(concat($seed, ' ', id))
        ) <= $count
        order by md5(concat($seed, ' ', id))
    """
    with connect(threads=settings.threads, memory_limit=settings.duckdb_memory_limit) as con:
        rows = con.execute(query, {"seed": str(settings.seed), "count": count}).fetchall()
    unknown = [NO_SUCH_ID][:count]
    expired = [key for key, is_expired in rows if is_expired][: count // EXPIRED_SHARE]
    others = [key for key, _ in rows if key not in set(expired)]
    return [*unknown, *expired, *others][:count]


def _ids_sql(model: FeatureModel, settings: Settings, *, now: datetime) -> str:
    path = str(settings.features_dir / f"{model.name}.parquet").replace("'", "''")
    expired = "false"
    if model.ttl:
        expired = f"max({model.timestamp}) < timestamp '{now - model.ttl}'"
    return (
        f"select {model.entities[0]} as id, {expired} as is_expired"
        f" from read_parquet('{path}') group by all"
    )
