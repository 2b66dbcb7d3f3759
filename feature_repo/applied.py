"""What was last applied, as plain JSON beside the feature tables, and what is declared now.

``store.apply`` leaves ``features/declared.json``; ``plan.py`` compares it with the working tree.
So a plan needs neither Feast nor its registry, which hold less: no range, no null rule. What
``feast apply`` registers by hand is not written down here.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from feature_repo.definitions import SERVICES
from governance.declarations import Column, FeatureModel, read_feature_models
from governance.errors import StateError
from governance.files import digest_of, write_json
from governance.settings import Settings

FORMAT = 1  # raised when a reader of old files would misread a new one

Facts = Mapping[str, object]  # JSON values by name


@dataclass(frozen=True)
class Declared:
    """Flat facts of tables, of features, and the features that each service names in order."""

    tables: Mapping[str, Facts]
    features: Mapping[str, Facts]
    services: Mapping[str, tuple[str, ...]]


def declared_path(settings: Settings) -> Path:
    """Where the last apply left what it registered."""
    return settings.features_dir / "declared.json"


def declared_now(dbt_dir: Path) -> Declared:
    """The declarations and services of the working tree."""
    models = read_feature_models(dbt_dir)
    return Declared(
        tables={model.name: _table_facts(model) for model in models},
        features={c.name: _feature_facts(m, c) for m in models for c in m.features},
        services={
            service: tuple(name for names in views.values() for name in names)
            for service, views in SERVICES.items()
        },
    )


def remember_applied(settings: Settings) -> None:
    """Write down what is being registered; the next plan compares with it."""
    now = asdict(declared_now(settings.dbt_dir))
    write_json(declared_path(settings), {"format": FORMAT, **now})


def last_applied(settings: Settings) -> Declared:
    """What the last apply registered; StateError before the first."""
    path = declared_path(settings)
    next_step = "counterfoil build registers the declarations and writes it"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["format"] != FORMAT:
            raise KeyError("format")
        services = {name: tuple(features) for name, features in found["services"].items()}
        return Declared(found["tables"], found["features"], services)
    except FileNotFoundError:
        why = "no such file: nothing was applied from this home yet"
    except (ValueError, KeyError, AttributeError, TypeError):
        why = "it is not what this version writes"
    what = "there is nothing to compare the declarations with"
    raise StateError(what, where=str(path), why=why, next_step=next_step)


def schema_of(declared: Declared, service: str) -> str | None:
    """The schema hash of a service, as ``services.schema_hash``; None if a feature is missing."""
    names = declared.services.get(service, ())
    if not names or not all(name in declared.features for name in names):
        return None
    facts = [(name, declared.features[name]) for name in names]
    return digest_of([[name, fact["type"], fact["default"]] for name, fact in facts])


def _table_facts(model: FeatureModel) -> Facts:
    return {
        "entity": ", ".join(model.entities),
        "timestamp": model.timestamp,
        "created_timestamp": model.created_timestamp,
        "ttl_days": model.ttl.days,
        "online": model.is_online,
    }


def _feature_facts(model: FeatureModel, column: Column) -> Facts:
    return {
        "table": model.name,
        "type": column.data_type,
        "default": list(column.default) if isinstance(column.default, tuple) else column.default,
        "nullable": column.nullable,
        "range": [column.low, column.high],
        "above": column.above,
        "choices": list(column.choices),
        "not_in": list(column.not_in),
        "pattern": column.pattern,
        "pii": column.pii,
    }
