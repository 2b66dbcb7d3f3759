"""Online answers beside stock Feast's SQLite store: the same tables, types, nulls and keys."""

import random
from datetime import UTC, timedelta
from itertools import product
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from packed_backends import DAY_0, TYPES, US

pytestmark = pytest.mark.pipeline

END = DAY_0.replace(tzinfo=UTC) + timedelta(days=400)
TTL = timedelta(days=365)
KEYS = {"by_text": ("user_id",), "by_number": ("item_id",), "by_both": ("user_id", "item_id")}
ARROW_KEYS = {"user_id": pa.string(), "item_id": pa.int64()}
USERS, ITEMS = [f"u|{n}" for n in range(12)], list(range(-2, 10))
PRESENT = 1  # Feast's FieldStatus
COLUMNS = {f"{kind.replace('[]', '_list')}_last": kind for kind in TYPES}


def cell(draw, kind):
    """A value that Feast's stores can hold: seconds, no null inside a list."""
    if kind.endswith("[]"):
        return [cell(draw, kind[:-2]) for _ in range(draw.randrange(4))]
    if kind == "varchar":
        return "".join(draw.choices("aé|\0 漢", k=draw.randrange(4)))
    if kind == "timestamp":
        return DAY_0 + timedelta(seconds=draw.randrange(-(10**9), 10**9))
    return {
        "bigint": draw.randrange(-(2**53), 2**53),  # Feast's own way goes through pandas
        "double": draw.uniform(-1e9, 1e9),
        "float": float(draw.randrange(-1000, 1000)) / 8,
        "boolean": draw.random() < 0.5,
    }[kind]


def write_table(folder, view, *, null_rate):
    """Several rows of most entities, in no order; some of them past the ttl."""
    draw = random.Random(view)
    ids = {"by_text": [(u,) for u in USERS], "by_number": [(i,) for i in ITEMS]}
    some = ids.get(view, [(u, i) for u in USERS for i in ITEMS if draw.random() < 0.4])
    rows = [key for key in some[:-2] for _ in range(draw.randint(1, 3))]
    draw.shuffle(rows)
    days = draw.sample(range(10, 399), len(rows))
    table = {
        name: pa.array([row[n] for row in rows], ARROW_KEYS[name])
        for n, name in enumerate(KEYS[view])
    }
    table["at"] = table["made"] = pa.array([DAY_0 + timedelta(days=day) for day in days], US)
    for name, kind in COLUMNS.items():
        cells = [None if draw.random() < null_rate else cell(draw, kind) for _ in rows]
        table[f"{view}_{name}"] = pa.array(cells, TYPES[kind])
    pq.write_table(pa.table(table), folder / f"{view}.parquet")


def open_store(folder, name, parts, *, views):
    from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
    from feast.types import from_value_type

    types = {"user_id": ValueType.STRING, "item_id": ValueType.INT64}
    keys = {k: Entity(name=k, join_keys=[k], value_type=t) for k, t in types.items()}
    kinds = {name: kind.upper() for name, kind in FEAST.items()}

    def field(name, kind):
        return Field(name=name, dtype=from_value_type(ValueType[kind]))

    store = FeatureStore(
        config=RepoConfig(
            project=name, provider="local", entity_key_serialization_version=3,
            registry={"registry_type": "file", "path": str(folder / f"{name}.pb")},
            materialization={"pull_latest_features": True}, repo_path=folder, **parts,
        )
    )  # fmt: skip
    store.apply(
        [
            *keys.values(),
            *(
                FeatureView(
                    name=view,
                    entities=[keys[key] for key in KEYS[view]],
                    schema=[
                        *(field(key, types[key].name) for key in KEYS[view]),
                        *(field(f"{view}_{n}", kinds[k]) for n, k in COLUMNS.items()),
                    ],
                    source=FileSource(
                        name=view,
                        path=str(folder / f"{view}.parquet"),
                        timestamp_field="at",
                        created_timestamp_column="made",
                    ),
                    ttl=TTL,
                )
                for view in views
            ),
        ]
    )
    store.materialize(END - TTL, END)
    return store


FEAST = {
    "bigint": "int64", "double": "double", "float": "float", "boolean": "bool",
    "timestamp": "unix_timestamp", "varchar": "string", "bigint[]": "int64_list",
    "double[]": "double_list", "float[]": "float_list", "varchar[]": "string_list",
}  # fmt: skip


def ours(folder, backend, url=""):
    stores = "feature_repo.stores"
    online = {"backend": backend, "path": str(folder / "packed.db"), "redis_url": url}
    return {
        "offline_store": {"type": f"{stores}.asof_offline.AsofOfflineStore"},
        "online_store": {"type": f"{stores}.packed_online.PackedOnlineStore", **online},
        "batch_engine": {"type": f"{stores}.arrow_engine.ArrowEngine"},
    }


@pytest.fixture(scope="module")
def stores(tmp_path_factory, redis_url):
    folder = tmp_path_factory.mktemp("stores")
    for view in KEYS:
        write_table(folder, view, null_rate=0.2)
    stock = {
        "offline_store": {"type": "file"},
        "online_store": {"type": "sqlite", "path": str(folder / "stock.db")},
    }
    parts = {"stock": stock, "sqlite": ours(folder, "sqlite")}
    parts["redis"] = ours(folder, "redis", redis_url)
    return {name: open_store(folder, name, part, views=KEYS) for name, part in parts.items()}


def answers(store, views, entity_rows):
    features = [f"{view}:{view}_{name}" for view in views for name in COLUMNS]
    response = store.get_online_features(features=features, entity_rows=entity_rows)
    names = list(response.proto.metadata.feature_names.val)
    results = response.proto.results
    statuses = {n: list(r.statuses) for n, r in zip(names, results, strict=True)}
    times = {
        name: [stamp.ToMicroseconds() for stamp in result.event_timestamps]
        for name, result in zip(names, results, strict=True)
    }
    return response.to_dict(), statuses, times


def asked_of(view):
    users, items = [*USERS, "nobody", USERS[0]], [*ITEMS, 99, ITEMS[0]]
    ids = {"user_id": users, "item_id": items}
    return [dict(zip(KEYS[view], row, strict=True)) for row in product(*map(ids.get, KEYS[view]))]


@pytest.mark.parametrize("backend", ["sqlite", "redis"])
@pytest.mark.parametrize("view", KEYS)
def test_every_value_and_status_is_stock_feasts(stores, backend, view):
    rows = asked_of(view)
    mine, theirs = (answers(stores[name], [view], rows) for name in (backend, "stock"))
    for left, right in zip(mine, theirs, strict=True):
        assert left.keys() == right.keys()
        for name in left:
            assert left[name] == right[name], name
    found = sum(status == PRESENT for statuses in mine[1].values() for status in statuses)
    assert 0 < found < len(rows) * len(COLUMNS)


def plan_of(view):
    """Some of the view's columns, not in the order of the table."""
    from feature_repo.online import entity_plan
    from governance.declarations import Column, FeatureModel

    columns = tuple(Column(f"{view}_{name}", kind, "", 1) for name, kind in COLUMNS.items())
    model = FeatureModel(
        name=view, description="", owner="", entities=KEYS[view], timestamp="at",
        created_timestamp="made", ttl=TTL, is_online=True, columns=columns, path=Path(view), line=1,
    )  # fmt: skip
    return entity_plan([(model, columns[::-2])], KEYS[view])


@pytest.mark.parametrize("backend", ["sqlite", "redis"])
@pytest.mark.parametrize("view", KEYS)
def test_matrix_and_rows_of_some_columns_are_stock_feasts_values(stores, backend, view):
    from feature_repo.online import read_plan_rows, read_plans

    asked, plan = asked_of(view), plan_of(view)
    ids = [tuple(row.values()) for row in asked]
    ids = [row[0] for row in ids] if len(KEYS[view]) == 1 else ids
    answer, _, _ = answers(stores["stock"], [view], asked)
    rows = read_plan_rows(stores[backend], plan, ids).to_pydict()
    [matrix] = read_plans(stores[backend], [plan], [ids])
    assert list(rows) == [*KEYS[view], *(column.name for column in plan.parts[0])]
    assert rows == {name: answer[name] for name in rows}
    numbers = [column.name for column in plan.columns]
    assert numbers == [c.name for c in plan.parts[0] if c.data_type in ("boolean", "double")]
    expected = np.array([answer[name] for name in numbers], dtype=np.float64).T
    np.testing.assert_array_equal(matrix.values, expected)
    np.testing.assert_array_equal(matrix.missing, np.isnan(expected))


@pytest.mark.parametrize("backend", ["sqlite", "redis"])
def test_rows_written_through_feast_are_stock_feasts_too(stores, backend):
    draw, view = random.Random(backend), "by_both"
    ids = {"user_id": f"new on {backend}", "item_id": 1000}
    row = {f"{view}_{name}": cell(draw, kind) for name, kind in COLUMNS.items()}
    frame = pa.Table.from_pylist([ids | row | dict.fromkeys(("at", "made"), END)]).to_pandas()
    frame = frame.astype({f"{view}_float_last": "float32"})
    both = [stores[backend], stores["stock"]]
    for store in both:
        store.write_to_online_store(view, frame)
    mine, theirs = (answers(store, [view], [ids]) for store in both)
    assert mine == theirs
    assert {status for statuses in mine[1].values() for status in statuses} == {PRESENT}
