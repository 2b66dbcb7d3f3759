"""Rows and declarations of feature tables, for ``counterfoil features``."""

from typing import Any

from feature_repo.services import services_of
from governance.declarations import FeatureModel, read_feature_models
from governance.errors import InputError, StateError
from governance.settings import Settings


def declaration_of(settings: Settings, name: str) -> dict[str, Any]:
    """The declaration of one feature table as JSON."""
    model = _model(settings, name)
    return {
        "name": model.name,
        "description": model.description,
        "owner": model.owner,
        "entities": list(model.entities),
        "ttl_days": model.ttl.days,
        "declared": f"{model.path}:{model.line}",
        "made_by": str(model.sql_path),
        "services": list(services_of(model.name)),
        "columns": [
            {
                "name": column.name,
                "data_type": column.data_type,
                "default": column.default,
                "pii": column.pii,
                "services": list(services_of(model.name, column.name)),
                "description": column.description,
            }
            for column in model.columns
        ],
    }


def rows_of(
    settings: Settings, name: str, *, entity_id: str, limit: int
) -> list[dict[str, object]]:
    """The newest rows of one entity, newest first; an unknown entity has none."""
    import duckdb  # 0.2 s, and only wanted here

    model = _model(settings, name)
    path = settings.features_dir / f"{model.name}.parquet"
    if not path.is_file():
        raise StateError(
            f"feature table {name} is not built",
            where=str(path),
            why="no such file",
            next_step="counterfoil build",
        )
    query = (
        f"select * from read_parquet(?) where {model.entities[0]} = ? "
        f"order by {model.timestamp} desc limit ?"
    )
    with duckdb.connect() as con:
        rows = con.sql(query, params=[str(path), entity_id, limit]).to_arrow_table().to_pylist()
    return [{key: _plain(value) for key, value in row.items()} for row in rows]


def _plain(value: object) -> object:
    return value.isoformat(sep=" ") if hasattr(value, "isoformat") else value


def _model(settings: Settings, name: str) -> FeatureModel:
    models = read_feature_models(settings.dbt_dir)
    for model in models:
        if model.name == name:
            return model
    raise InputError(
        f"no feature table is named {name}",
        where="dbt/models/features",
        why=f"the tables are {', '.join(model.name for model in models)}",
        next_step="counterfoil features ls",
    )
