"""Training sets of the declared service: equal to looking at every row, from a table or a frame."""

import random
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sample_features import DAY_0, DAYS, US

from governance.declarations import read_feature_models

pytestmark = pytest.mark.pipeline

SERVICE = "recommender_v1"


def labels(count=300, at=None):
    draw = random.Random(1)
    users = [draw.choice([None, "absent", *map(str, range(30))]) for _ in range(count)]
    items = [draw.choice(["absent", *map(str, range(90))]) for _ in range(count)]
    times = [at or DAY_0 + timedelta(hours=draw.randrange(24 * (DAYS + 30))) for _ in range(count)]
    return pa.table(
        {
            "weight": list(range(count)),
            "user_id": pa.array(users, pa.string()),
            "item_id": items,
            "event_timestamp": pa.array(times, US),
        }
    )


def seen_row(model, rows, key, at):
    """Brute force: the newest row known at ``at``, by event, creation, place in the file."""
    known = [
        (row[model.timestamp], row[model.created_timestamp], place)
        for place, row in enumerate(rows)
        if row[model.entities[0]] == key
        and row[model.timestamp] <= at
        and row[model.created_timestamp] <= at
    ]
    if not known or at - max(known)[0] > model.ttl:
        return {}
    return rows[max(known)[2]]


def test_historical_features_equal_brute_force_row_for_row(applied_shop, store_api):
    settings, _ = applied_shop
    asked = labels()
    joined = store_api.historical_features(asked, service=SERVICE, settings=settings)
    columns = [column.name for column in store_api.service_columns(SERVICE)]
    assert joined.column_names == [*asked.column_names, *columns]
    assert joined.select(asked.column_names).equals(asked)
    found = 0
    for model in read_feature_models(settings.dbt_dir):
        rows = pq.read_table(settings.features_dir / f"{model.name}.parquet").to_pylist()
        keys = asked[model.entities[0]].to_pylist()
        times = asked["event_timestamp"].to_pylist()
        seen = [seen_row(model, rows, *pair) for pair in zip(keys, times, strict=True)]
        found += sum(map(bool, seen))
        for name in {column.name for column in model.features} & set(columns):
            assert joined[name].to_pylist() == [row.get(name) for row in seen]
    assert found > 300


def test_a_pandas_frame_gives_the_same_features_as_an_arrow_table(applied_shop, store_api):
    settings, store = applied_shop
    asked = labels(50)
    ours = store_api.historical_features(asked, service=SERVICE, settings=settings)
    frame = store.get_historical_features(
        asked.to_pandas(), store.get_feature_service(SERVICE)
    ).to_df()
    for column in store_api.service_columns(SERVICE):
        np.testing.assert_array_equal(frame[column.name], ours[column.name].to_pandas())
