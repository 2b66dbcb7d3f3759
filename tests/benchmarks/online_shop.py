"""The shop that ``features_online.py`` reads: generated tables, in our online store and Feast's.

Five item views and one or two user views. One row in ten is missing from each view and one value
in twenty is null, so that no path may count on whole rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from feast import (
    Entity,
    FeatureService,
    FeatureStore,
    FeatureView,
    Field,
    FileSource,
    RepoConfig,
    ValueType,
)
from feast.types import Float64, Int64, String

from feature_repo import online
from governance.declarations import Column, FeatureModel

USERS, ITEMS = 1_000, 5_000
END = datetime(2017, 12, 31, tzinfo=UTC)
TTL = timedelta(days=365)
ITEM_VIEWS = 5
# features in all -> (user views, features of each, features of each item view)
SERVICES = {8: (1, 3, 1), 50: (2, 5, 8)}
KEYS = (("user_id",), ("item_id",))

Request = Callable[[int, str, list[str]], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Shop:
    """One store, ours and Feast's; both calls give (user values, item values)."""

    kind: str
    home: Path
    redis_port: int
    project: str
    ours: Request
    stock: Request


def models(features: int) -> tuple[FeatureModel, ...]:
    """The views of one service, user views first."""
    user_views, user_width, item_width = SERVICES[features]
    users = [(f"user_{features}_{n}", "user_id", user_width) for n in range(user_views)]
    items = [(f"item_{features}_{n}", "item_id", item_width) for n in range(ITEM_VIEWS)]
    return tuple(_model(*spec) for spec in (*users, *items))


def _model(name: str, entity: str, width: int) -> FeatureModel:
    """Every third feature is a whole number."""
    columns = tuple(
        Column(f"{name}_f{n}", "bigint" if n % 3 == 2 else "double", "", n) for n in range(width)
    )
    return FeatureModel(
        name=name, description="", owner="", entities=(entity,), timestamp="at",
        created_timestamp="made", ttl=TTL, is_online=True, columns=columns, path=Path(name), line=1,
    )  # fmt: skip


def write_tables(home: Path, *, users: int, items: int) -> None:
    draw = np.random.default_rng(20170101)
    for model in (model for features in SERVICES for model in models(features)):
        count = users if model.entities == ("user_id",) else items
        ids = np.flatnonzero(draw.random(count) < 0.9)
        days = draw.integers(1, 300, len(ids)).astype("timedelta64[D]")
        at = pa.array((np.datetime64("2017-12-31", "us") - days).astype("datetime64[us]"))
        table = {model.entities[0]: pa.array([str(key) for key in ids]), "at": at, "made": at}
        for column in model.features:
            whole = column.data_type == "bigint"
            values = draw.integers(0, 1000, len(ids)) if whole else draw.random(len(ids))
            table[column.name] = pa.array(values, mask=draw.random(len(ids)) < 0.05)
        pq.write_table(pa.table(table), home / f"{model.name}.parquet")


def open_shop(home: Path, *, store: str, redis_port: int) -> Shop:
    """Both stores, materialised to the end of the tables."""
    folder = home / store
    folder.mkdir()
    ours = _store(folder, home, "ours", _our_parts(store, folder, redis_port))
    stock = _store(folder, home, "stock", _stock_parts(store, folder, redis_port))
    plans = {n: _plans(models(n)) for n in SERVICES}

    def read(features: int, user: str, items: list[str]) -> tuple[np.ndarray, np.ndarray]:
        found = online.read_plans(ours, plans[features], [[user], items])
        return found[0].values, found[1].values

    def read_stock(features: int, user: str, items: list[str]) -> tuple[np.ndarray, np.ndarray]:
        rows = {"user_id": [user] * len(items), "item_id": items}
        service = stock.get_feature_service(f"all_{features}")
        answer = stock.get_online_features(service, entity_rows=rows).to_dict()
        parts = {"user_id": [], "item_id": []}
        for model in models(features):
            parts[model.entities[0]] += [answer[column.name] for column in model.features]
        users, others = (np.array(part, dtype=np.float64).T for part in parts.values())
        return users[:1], others

    return Shop(store, folder, redis_port, f"ours_{store}", read, read_stock)


def _plans(views: tuple[FeatureModel, ...]) -> list[online.EntityPlan]:
    """What a service's plans are, without a service of that name."""
    keyed = [[(m, m.features) for m in views if m.entities == keys] for keys in KEYS]
    return [online.entity_plan(part, keys) for part, keys in zip(keyed, KEYS, strict=True)]


def _our_parts(store: str, folder: Path, port: int) -> dict[str, object]:
    where = {"backend": store, "path": str(folder / "ours.db"), "redis_url": f"127.0.0.1:{port}"}
    stores = "feature_repo.stores"
    return {
        "offline_store": {"type": f"{stores}.asof_offline.AsofOfflineStore"},
        "online_store": {"type": f"{stores}.packed_online.PackedOnlineStore", **where},
        "batch_engine": {"type": f"{stores}.arrow_engine.ArrowEngine"},
    }


def _stock_parts(store: str, folder: Path, port: int) -> dict[str, object]:
    online_store = {"type": "sqlite", "path": str(folder / "stock.db")}
    if store == "redis":
        online_store = {"type": "redis", "connection_string": f"127.0.0.1:{port}"}
    return {"offline_store": {"type": "file"}, "online_store": online_store}


def _store(folder: Path, home: Path, name: str, parts: dict[str, object]) -> FeatureStore:
    store = FeatureStore(
        config=RepoConfig(
            project=f"{name}_{folder.name}",
            provider="local",
            registry={"registry_type": "file", "path": str(folder / f"{name}.pb")},
            entity_key_serialization_version=3,
            materialization={"pull_latest_features": True},
            repo_path=folder,
            **parts,
        )
    )
    keys = {key: Entity(name=key, join_keys=[key], value_type=ValueType.STRING) for key in
            ("user_id", "item_id")}  # fmt: skip
    views = {n: [_view(model, keys, home) for model in models(n)] for n in SERVICES}
    every = [view for part in views.values() for view in part]
    services = [FeatureService(name=f"all_{n}", features=part) for n, part in views.items()]
    store.apply([*keys.values(), *every, *services])
    store.materialize(END - TTL, END)
    return store


def _view(model: FeatureModel, keys: dict[str, Entity], home: Path) -> FeatureView:
    types = {"double": Float64, "bigint": Int64}
    fields = [Field(name=column.name, dtype=types[column.data_type]) for column in model.features]
    return FeatureView(
        name=model.name,
        entities=[keys[key] for key in model.entities],
        schema=[*(Field(name=key, dtype=String) for key in model.entities), *fields],
        source=FileSource(
            name=model.name,
            path=str(home / f"{model.name}.parquet"),
            timestamp_field="at",
            created_timestamp_column="made",
        ),
        ttl=model.ttl,
    )
