"""A declared model's rows: their Arrow schema, and the layout of their online records.

Feast-free, so that a push does not wait for Feast's import.
"""

import pyarrow as pa

from feature_repo.stores.packed_rows import RowFormat
from governance.declarations import Column, FeatureModel

ARROW_TYPES = {
    "varchar": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "float": pa.float32(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
    "bigint[]": pa.list_(pa.int64()),
    "double[]": pa.list_(pa.float64()),
    "float[]": pa.list_(pa.float32()),
    "varchar[]": pa.list_(pa.string()),
}


def arrow_schema(model: FeatureModel) -> pa.Schema:
    """Every declared column in declared order, as the feature table's file has it."""
    return pa.schema([(column.name, ARROW_TYPES[column.data_type]) for column in model.columns])


def record_kind(column: Column) -> str:
    """What an online record holds it as: a date is its midnight."""
    return "timestamp" if column.data_type == "date" else column.data_type


def row_format(model: FeatureModel) -> RowFormat:
    """The layout of a declared model's online records."""
    fields = tuple((column.name, record_kind(column)) for column in model.features)
    return RowFormat(view=model.name, keys=tuple(sorted(model.entities)), fields=fields)
