"""Feast objects built from the declarations: one FeatureView for one dbt feature model.

Nothing is listed here: names, types, ttl, owner and PII class come from the ``.yml`` beside the
model's SQL. ``definitions.py`` gives the result to Feast's own commands, ``store.apply`` to flows.
"""

from collections.abc import Callable
from pathlib import Path

from feast import Entity, FeatureService, FeatureView, Field, FileSource, PushSource, ValueType
from feast.data_source import DataSource
from feast.types import Array, Bool, FeastType, Float32, Float64, Int64, String, UnixTimestamp

from feature_repo.definitions import SERVICES
from feature_repo.services import service_views
from governance.declarations import Column, FeatureModel

# Keys are always text: ids of one shop may look like numbers, those of the next do not.
KEY_TYPE = ValueType.STRING
FEAST_TYPES: dict[str, FeastType] = {
    "varchar": String,
    "bigint": Int64,
    "double": Float64,
    "float": Float32,
    "boolean": Bool,
    "timestamp": UnixTimestamp,
    "date": UnixTimestamp,
    "bigint[]": Array(Int64),
    "double[]": Array(Float64),
    "float[]": Array(Float32),
    "varchar[]": Array(String),
}


def entities(models: tuple[FeatureModel, ...]) -> dict[str, Entity]:
    """One entity per key column, under the column's own name."""
    keys = dict.fromkeys(key for model in models for key in model.entities)
    return {key: Entity(name=key, join_keys=[key], value_type=KEY_TYPE) for key in keys}


def file_source(model: FeatureModel, features_dir: Path) -> DataSource:
    """``features_dir/<name>.parquet``, which our own offline store reads."""
    return FileSource(
        name=model.name,
        path=str(features_dir / f"{model.name}.parquet"),
        timestamp_field=model.timestamp,
        created_timestamp_column=model.created_timestamp,
    )


def feature_views(
    models: tuple[FeatureModel, ...],
    *,
    features_dir: Path,
    source_of: Callable[[FeatureModel, Path], DataSource] = file_source,
) -> dict[str, FeatureView]:
    """A view per model over what ``source_of`` finds; online ones also take ``<name>_push``."""
    keys = entities(models)
    return {
        model.name: _feature_view(model, keys, source_of(model, features_dir)) for model in models
    }


def feature_services(views: dict[str, FeatureView], *, dbt_dir: Path) -> dict[str, FeatureService]:
    """A FeatureService per entry of ``SERVICES``: projections of views, in order."""
    return {name: _feature_service(name, views, dbt_dir) for name in SERVICES}


def _feature_view(model: FeatureModel, keys: dict[str, Entity], source: DataSource) -> FeatureView:
    key_fields = [Field(name=key, dtype=String) for key in model.entities]
    return FeatureView(
        name=model.name,
        description=model.description,
        entities=[keys[key] for key in model.entities],
        schema=[*key_fields, *map(_field, model.features)],
        source=PushSource(name=f"{model.name}_push", batch_source=source)
        if model.is_online
        else source,
        ttl=model.ttl,
        online=model.is_online,
        owner=model.owner,
        tags={"owner": model.owner, "pii": _worst_pii(model)},
    )


def _field(column: Column) -> Field:
    tags = {"pii": column.pii}
    if column.default is not None:
        tags["default"] = str(column.default)
    return Field(
        name=column.name,
        dtype=FEAST_TYPES[column.data_type],
        description=column.description,
        tags=tags,
    )


def _worst_pii(model: FeatureModel) -> str:
    order = ("direct", "indirect", "pseudonym", "none")
    return min((column.pii for column in model.columns), key=order.index, default="none")


def _feature_service(name: str, views: dict[str, FeatureView], dbt_dir: Path) -> FeatureService:
    parts = [
        views[model.name][[column.name for column in columns]]
        for model, columns in service_views(name, dbt_dir=dbt_dir)
    ]
    return FeatureService(name=name, features=parts)
