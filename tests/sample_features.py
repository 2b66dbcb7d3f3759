"""Generated feature tables of the declared models, for tests that need rows and no shop."""

import random
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from governance.declarations import read_feature_models

US = pa.timestamp("us")
DAY_0 = datetime(2017, 1, 1)  # noqa: DTZ001  the files hold naive UTC
DAYS = 400  # more than the ttl of a year
AS_OF = DAY_0 + timedelta(days=DAYS)
COUNTS = {"user_id": 30, "item_id": 90}


def table_for(model, seed):
    """Change-day rows: some entities never, some long ago; nulls; a tie on the event time."""
    draw = random.Random(f"{model.name} {seed}")
    rows = []
    for number in range(COUNTS[model.entities[0]]):
        days = draw.sample(range(DAYS + 20), draw.randint(0, 6))
        rows += [(str(number), DAY_0 + timedelta(days=day), 0) for day in days]
    rows += [(key, at, 1) for key, at, _ in draw.sample(rows, 5)]
    draw.shuffle(rows)
    columns = {
        model.entities[0]: pa.array([row[0] for row in rows]),
        model.timestamp: pa.array([row[1] for row in rows], US),
        model.created_timestamp: pa.array([r[1] + timedelta(days=r[2]) for r in rows], US),
    }
    for column in model.features:
        whole = column.data_type == "bigint"
        values = [draw.randrange(100) if whole else draw.random() for _ in rows]
        cells = [None if draw.random() < 0.1 else value for value in values]
        columns[column.name] = pa.array(cells, pa.int64() if whole else pa.float64())
    return pa.table(columns)


def write_features(settings, seed):
    settings.features_dir.mkdir(parents=True, exist_ok=True)
    for model in read_feature_models(settings.dbt_dir):
        pq.write_table(table_for(model, seed), settings.features_dir / f"{model.name}.parquet")
