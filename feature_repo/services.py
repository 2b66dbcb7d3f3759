"""Feature services: which features a predictor reads, and in which column order.

Pure: reads the declarations and the names in ``definitions.py``, imports no Feast, so that training
and serving can ask for columns, defaults and the schema hash without Feast's slow import. A feature
that a table gains changes no service until its name is written there.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from feature_repo.definitions import SERVICES
from governance.declarations import Column, FeatureModel, read_feature_models
from governance.errors import InputError
from governance.files import digest_of
from governance.settings import PROJECT_ROOT

DBT_DIR = PROJECT_ROOT / "dbt"

DEFINITIONS = "feature_repo/definitions.py"

ServiceView = tuple[FeatureModel, tuple[Column, ...]]  # a table, and what a service reads of it


def service_views(service: str, *, dbt_dir: Path = DBT_DIR) -> tuple[ServiceView, ...]:
    """The service's tables in service order, each with the features that the service names."""
    if service not in SERVICES:
        raise InputError(
            f"feature service {service} is unknown",
            where=DEFINITIONS,
            why=f"the services are {', '.join(sorted(SERVICES))}",
            next_step="name one of them, or add the service there",
        )
    models = {model.name: model for model in read_feature_models(dbt_dir)}
    for view in SERVICES[service]:
        if view not in models:
            raise _undeclared(service, view, known=models, next_step=f"write its {view}.yml")
    return tuple(
        (models[view], _named_columns(service, models[view], names))
        for view, names in SERVICES[service].items()
    )


def service_models(service: str, *, dbt_dir: Path = DBT_DIR) -> tuple[FeatureModel, ...]:
    """The feature models that a service reads, whole, in service order."""
    return tuple(model for model, _ in service_views(service, dbt_dir=dbt_dir))


def service_columns(
    service: str, *, entity: str = "", dbt_dir: Path = DBT_DIR
) -> tuple[Column, ...]:
    """Features in service order; with ``entity``, only those of views keyed by it alone."""
    views = service_views(service, dbt_dir=dbt_dir)
    chosen = [part for model, part in views if not entity or model.entities == (entity,)]
    return tuple(column for part in chosen for column in part)


def services_of(view: str, feature: str = "") -> tuple[str, ...]:
    """The services that read ``view``; with ``feature``, those that name it."""
    named = {service: views.get(view, ()) for service, views in SERVICES.items()}
    return tuple(s for s, names in named.items() if names and (not feature or feature in names))


def schema_hash(service: str, *, dbt_dir: Path = DBT_DIR) -> str:
    """SHA-256 over the ordered name, type and default of every column of the service."""
    return columns_hash(service_columns(service, dbt_dir=dbt_dir))


def columns_hash(columns: tuple[Column, ...]) -> str:
    """SHA-256 over ordered (name, type, default): what a bundle and a server must agree on."""
    return digest_of([[column.name, column.data_type, column.default] for column in columns])


def defaults(columns: tuple[Column, ...]) -> npt.NDArray[np.float64]:
    """What stands for a missing value, by column; NaN where none is declared."""
    given = (column.default for column in columns)
    numbers = [float(value) if isinstance(value, (int, float)) else np.nan for value in given]
    return np.array(numbers, dtype=np.float64)


def _named_columns(service: str, model: FeatureModel, names: tuple[str, ...]) -> tuple[Column, ...]:
    declared = {column.name: column for column in model.features}
    for name in names:
        if name not in declared:
            next_step = f"write its entry in {model.path.name} and its expression in the .sql"
            raise _undeclared(service, name, known=declared, next_step=next_step)
    if repeated := [name for place, name in enumerate(names) if name in names[:place]]:
        raise InputError(
            f"feature service {service} names {repeated[0]} twice",
            where=f"{DEFINITIONS}:{_line_of(service, repeated[0])}",
            why="a column stands in one place of a model's input",
            next_step="take one of them out",
        )
    return tuple(declared[name] for name in names)


def _undeclared(service: str, name: str, *, known: Iterable[str], next_step: str) -> InputError:
    return InputError(
        f"feature service {service} names {name}, which is not declared",
        where=f"{DEFINITIONS}:{_line_of(service, name)}",
        why=f"declared are {', '.join(sorted(known))}",
        next_step=f"{next_step}, or take the name out",
    )


def _line_of(service: str, name: str) -> int:
    """The line that names it, after the line of the service."""
    lines = (PROJECT_ROOT / DEFINITIONS).read_text(encoding="utf-8").splitlines()
    starts = (n for n, line in enumerate(lines) if f'"{service}"' in line)
    start = next(starts, 0)
    return next((n for n, line in enumerate(lines, 1) if n > start and f'"{name}"' in line), 1)
