"""Feature services: which feature models a predictor reads, and in which column order.

Pure: reads the declarations, imports no Feast, so that training and serving can ask for columns,
defaults and the schema hash without Feast's slow import. A service is immutable once a bundle
names it: add ``recommender_v2`` rather than edit ``recommender_v1``.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from governance.declarations import Column, FeatureModel, read_feature_models
from governance.errors import InputError
from governance.files import digest_of
from governance.settings import PROJECT_ROOT

DBT_DIR = PROJECT_ROOT / "dbt"

# The order of views here is the order of columns everywhere after.
SERVICES: dict[str, tuple[str, ...]] = {
    "recommender_v1": (
        "ftr_user__purchases",
        "ftr_user__engagement",
        "ftr_item__sales",
        "ftr_item__price",
        "ftr_item__engagement",
    ),
}


def service_models(service: str, *, dbt_dir: Path = DBT_DIR) -> tuple[FeatureModel, ...]:
    """The feature models of a service, in service order."""
    if service not in SERVICES:
        raise InputError(
            f"feature service {service} is unknown",
            where="feature_repo/services.py",
            why=f"the services are {', '.join(sorted(SERVICES))}",
            next_step="name one of them, or add the service there",
        )
    models = {model.name: model for model in read_feature_models(dbt_dir)}
    if missing := [name for name in SERVICES[service] if name not in models]:
        raise InputError(
            f"feature service {service} names {missing[0]}, which is not declared",
            where="feature_repo/services.py",
            why=f"declared are {', '.join(sorted(models))}",
            next_step=f"write dbt/models/features/{missing[0]}.yml, or take the name out",
        )
    return tuple(models[name] for name in SERVICES[service])


def service_columns(
    service: str, *, entity: str = "", dbt_dir: Path = DBT_DIR
) -> tuple[Column, ...]:
    """Features in service order; with ``entity``, only those of views keyed by it alone."""
    models = service_models(service, dbt_dir=dbt_dir)
    chosen = [model for model in models if not entity or model.entities == (entity,)]
    columns = tuple(column for model in chosen for column in model.features)
    refuse_repeats(service, columns)
    return columns


def schema_hash(service: str, *, dbt_dir: Path = DBT_DIR) -> str:
    """SHA-256 over the ordered name, type and default of every column of the service."""
    return columns_hash(service_columns(service, dbt_dir=dbt_dir))


def columns_hash(columns: tuple[Column, ...]) -> str:
    """SHA-256 over ordered (name, type, default): what a bundle and a server must agree on."""
    return digest_of([[column.name, column.data_type, column.default] for column in columns])


def refuse_repeats(service: str, columns: tuple[Column, ...]) -> None:
    """Two views of one service may not hold a feature of the same name."""
    seen: dict[str, Column] = {}
    for column in columns:
        if column.name in seen:
            raise InputError(
                f"feature {column.name} is declared twice in service {service}",
                where=f"lines {seen[column.name].line} and {column.line} of two feature models",
                why="a column must have one source",
                next_step="rename one of them in its .sql and .yml",
            )
        seen[column.name] = column


def defaults(columns: tuple[Column, ...]) -> npt.NDArray[np.float64]:
    """What stands for a missing value, by column; NaN where none is declared."""
    given = (column.default for column in columns)
    numbers = [float(value) if isinstance(value, (int, float)) else np.nan for value in given]
    return np.array(numbers, dtype=np.float64)
