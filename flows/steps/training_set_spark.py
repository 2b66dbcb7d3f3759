"""Training set on Spark: one label frame through Feast's Spark store and through our own.

Label rows are real purchases, and beside them what a join gets wrong first: strangers, a time
before all data, the very instant of a feature row, and a time at which every row is past its ttl.
"""

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo import spark_store, store
from flows.stages import Progress, StepResult
from governance.errors import GateRefused
from governance.settings import Settings
from training.training_set import SERVICE

LABEL_ROWS = 5_000  # a fixed choice of purchases; Feast's own join on Spark sets the pace

_PURCHASES = """
    select user_id, item_id, ordered_at as event_timestamp
    from fct_order_lines where user_id is not null
    order by md5(order_line_id), order_line_id limit $rows
"""
_EDGES = """
    with buyer as (select user_id, item_id, event_timestamp from purchases limit 20)
    select user_id, item_id, date_trunc('day', event_timestamp) from buyer
    union all select user_id, item_id, event_timestamp - interval 2 year from buyer
    union all select user_id, item_id, event_timestamp + interval 3 year from buyer
    union all select 'nobody ' || user_id, 'nothing', event_timestamp from buyer
    union all select user_id, item_id, event_timestamp from buyer
"""


def run(settings: Settings, progress: Progress, _source: str | None = None) -> StepResult:
    """Join the labels on both engines; GateRefused when one value differs."""
    labels = label_rows(settings, rows=LABEL_ROWS)
    progress(f"{labels.num_rows:,} label rows on DuckDB")
    store.apply(settings)
    ours = store.historical_features(labels, service=SERVICE, settings=settings)
    progress(f"{labels.num_rows:,} label rows on Spark")
    on_spark = spark_store.apply(settings)
    sparks = spark_store.historical_features(
        labels, service=SERVICE, store=on_spark, settings=settings
    )
    features = [name for name in ours.column_names if name not in labels.column_names]
    if different := {name: n for name in features if (n := differing(ours[name], sparks[name]))}:
        raise GateRefused(
            f"{len(different)} of {len(features)} features differ between DuckDB and Spark",
            where=f"service {SERVICE}, {labels.num_rows:,} label rows",
            rows=[(name, f"{count:,} rows differ") for name, count in different.items()],
            next_step="compare the feature tables first: flows/steps/compare_engines.py",
        )
    path = settings.spark_dir / "training_set.parquet"
    pq.write_table(sparks, path)
    return StepResult(
        f"{labels.num_rows:,} labels x {len(features)} features from Feast's Spark store, 0 differ",
        (path,),
        facts={"labels": labels.num_rows, "features": len(features)},
    )


def label_rows(settings: Settings, *, rows: int) -> pa.Table:
    """``rows`` purchases of the warehouse, and a hundred rows at the edges."""
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as warehouse:
        purchases = warehouse.sql(_PURCHASES, params={"rows": rows}).to_arrow_table()
    with duckdb.connect() as con:
        con.register("purchases", purchases)
        edges = con.sql(_EDGES).to_arrow_table()
    return pa.concat_tables([purchases, edges.rename_columns(purchases.column_names)])


def differing(ours: pa.ChunkedArray, sparks: pa.ChunkedArray) -> int:
    """Rows whose value or whose absence is not the same; exact to the last bit of a double."""
    left, right = _numbers(ours), _numbers(sparks)
    return int(np.sum((left != right) & ~(np.isnan(left) & np.isnan(right))))


def _numbers(values: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    numbers: npt.NDArray[np.float64] = values.cast(pa.float64()).to_numpy()
    return numbers  # null is NaN here, and no declared feature is NaN of its own
