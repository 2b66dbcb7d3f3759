"""The feature tables that dbt built on Spark, served as training sets by Feast's Spark store.

For a shop that has outgrown one machine. The views are the declared ones (``views.py``) over a
SparkSource, so that no feature is named twice; the store is Feast's own, in a registry of its own
under the home's ``spark`` folder. Needs the ``spark`` extra; ``make demo-spark`` runs it.
"""

from pathlib import Path

import pyarrow as pa
from feast import FeatureStore, RepoConfig
from feast.data_source import DataSource
from feast.infra.offline_stores.contrib.spark_offline_store.spark_source import SparkSource

from feature_repo import views
from feature_repo.services import service_columns
from governance.declarations import FeatureModel, read_feature_models
from governance.errors import StateError
from governance.settings import Settings

_ROW = "label_row"  # Spark gives rows back in any order


def spark_source(model: FeatureModel, tables_dir: Path) -> DataSource:
    """``tables_dir/<name>``, the folder of Parquet that dbt's table is on Spark."""
    return SparkSource(
        name=model.name,
        path=str(tables_dir / model.name),
        file_format="parquet",
        timestamp_field=model.timestamp,
        created_timestamp_column=model.created_timestamp,
    )


def apply(settings: Settings) -> FeatureStore:
    """A store on these settings with the declared entities, views and services registered."""
    models = read_feature_models(settings.dbt_dir)
    declared = views.feature_views(
        models, features_dir=settings.spark_dir / "tables", source_of=spark_source
    )
    services = views.feature_services(declared, dbt_dir=settings.dbt_dir)
    store = FeatureStore(config=_config(settings))
    store.apply([*views.entities(models).values(), *declared.values(), *services.values()])
    return store


def historical_features(
    label_rows: pa.Table, *, service: str, store: FeatureStore, settings: Settings
) -> pa.Table:
    """As ``feature_repo.store.historical_features``: every label row, in order, with its values."""
    numbered = label_rows.append_column(_ROW, pa.array(range(label_rows.num_rows), pa.int64()))
    job = store.get_historical_features(
        numbered.to_pandas(), store.get_feature_service(service), filter_by_created_timestamp=True
    )
    joined = job.to_arrow().combine_chunks().sort_by(_ROW)
    if not joined[_ROW].combine_chunks().equals(numbered[_ROW].combine_chunks()):
        raise StateError(
            f"Spark did not give back the {label_rows.num_rows:,} label rows once each",
            where="Feast's Spark offline store",
            why=f"{joined.num_rows:,} rows came back",
            next_step="look for two rows of one key and time in a feature table",
        )
    for column in service_columns(service, dbt_dir=settings.dbt_dir):
        label_rows = label_rows.append_column(column.name, joined[column.name])
    return label_rows


def _config(settings: Settings) -> RepoConfig:
    return RepoConfig(
        project="counterfoil_spark",
        provider="local",
        registry={
            "registry_type": "sql",
            "path": f"sqlite:///{settings.spark_dir / 'registry.db'}",
        },
        offline_store={"type": "spark", "spark_conf": _spark_conf(settings)},
        online_store=None,
        entity_key_serialization_version=3,
    )


def _spark_conf(settings: Settings) -> dict[str, str]:
    return {
        "spark.master": f"local[{settings.threads}]",
        "spark.driver.memory": "3g",
        "spark.sql.shuffle.partitions": "4",  # of one machine; 200 is for a cluster
        "spark.sql.session.timeZone": "UTC",  # Feast gives label times a zone; ours are naive UTC
        "spark.sql.warehouse.dir": str(settings.spark_dir / "warehouse"),
        "spark.local.dir": str(settings.spark_dir / "scratch"),
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",  # a short run
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
    }
