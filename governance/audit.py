"""The audit document: everything the records say about a home folder, as one JSON value.

The report (HTML and its JSON twin) and ``counterfoil audit --json`` are both made from what
:func:`audit_document` returns, so that they cannot disagree on a number. Nothing here measures;
it reads the records, the stages' facts, the declarations and the champion's bundle.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlmodel import col, desc, func, select

from governance.declarations import FeatureModel, read_feature_models
from governance.lineage import read_lineage
from governance.records import (
    ContractCheck,
    Decision,
    ImportRecord,
    RecordBase,
    Release,
    StageRun,
    TrainingRun,
    TrainingSet,
    session,
)
from governance.releases import champion_version
from governance.settings import Settings

MODEL_NAME = "recommender"
_SHOWN_RELEASES = 10


def audit_document(settings: Settings) -> dict[str, Any]:
    """Stages, imports, contracts, quarantine, features, lineage, model card, releases, answers."""
    models = read_feature_models(settings.dbt_dir)
    version = champion_version(settings, MODEL_NAME)
    card = model_card(settings, version)
    quarantine = _quarantine(settings)
    tables = list(quarantine["tables"])  # of this shop: another may have landed others here
    return {
        "shop": settings.shop,
        "stages": _stages(settings),
        "imports": _newest(
            settings, ImportRecord, "table_name", ImportRecord.shop == settings.shop
        ),
        "contracts": _newest(
            settings, ContractCheck, "table_name", col(ContractCheck.table_name).in_(tables)
        ),
        "quarantine": quarantine,
        "features": [_feature_facts(model) for model in models],
        "lineage": read_lineage(settings, models, card),
        "model": card,
        "training": _training(settings),
        "releases": _rows(settings, Release, limit=_SHOWN_RELEASES),
        "answers": _answers(settings),
    }


def model_card(settings: Settings, version: str | None) -> dict[str, Any] | None:
    """The champion's bundle.json as it lies in its bundle, or None before the first release."""
    if version is None:
        return None
    path = settings.bundles_dir / MODEL_NAME / version / "bundle.json"
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return dict(card)


def _stages(settings: Settings) -> list[dict[str, Any]]:
    """The newest run of every stage but the report itself, in order of writing; home is ``.``."""
    newest = [row for row in _newest(settings, StageRun, "stage") if row["stage"] != "report"]
    for row in newest:
        row["summary"] = row["summary"].replace(f"{settings.home_dir}/", "")
    return sorted(newest, key=lambda row: int(row["id"]))


def _newest(
    settings: Settings, record: type[RecordBase], key: str, *only: Any
) -> list[dict[str, Any]]:
    """The newest record per value of column ``key``, of those that ``only`` lets through."""
    column = getattr(record, key)
    newest = select(func.max(record.id)).where(*only).group_by(column)
    with session(settings) as records:
        rows = records.exec(select(record).where(record.id.in_(newest)).order_by(column)).all()  # type: ignore[union-attr]
    return _dumped(rows)


def _rows(settings: Settings, record: type[RecordBase], *, limit: int) -> list[dict[str, Any]]:
    query = select(record).order_by(desc(record.id)).limit(limit)  # type: ignore[arg-type]
    with session(settings) as records:
        return _dumped(records.exec(query).all())


def _dumped(rows: Sequence[RecordBase]) -> list[dict[str, Any]]:
    return [row.model_dump(mode="json") for row in rows]


def _quarantine(settings: Settings) -> dict[str, Any]:
    """Rows in, kept and set aside per table, with the reasons, as the checks left them."""
    found = {}
    for folder in (settings.shop, "features"):
        path = settings.quarantine_dir / folder / "summary.json"
        if path.is_file():
            found.update(json.loads(path.read_text(encoding="utf-8")))
    return {
        "rows_in": sum(table["rows_in"] for table in found.values()),
        "rows_kept": sum(table["rows_kept"] for table in found.values()),
        "rows_quarantined": sum(table["rows_quarantined"] for table in found.values()),
        "tables": found,
    }


def _feature_facts(model: FeatureModel) -> dict[str, Any]:
    return {
        "name": model.name,
        "description": model.description,
        "owner": model.owner,
        "entities": list(model.entities),
        "ttl_days": model.ttl.days,
        "columns": [
            {
                "name": column.name,
                "data_type": column.data_type,
                "description": column.description,
                "default": column.default,
                "pii": column.pii,
            }
            for column in model.features
        ],
    }


def _training(settings: Settings) -> dict[str, Any]:
    runs = _rows(settings, TrainingRun, limit=1)
    sets = _rows(settings, TrainingSet, limit=1)
    return {"run": runs[0] if runs else None, "set": sets[0] if sets else None}


def _answers(settings: Settings) -> dict[str, int]:
    with session(settings) as records:
        total, cold, degraded = (
            records.exec(select(func.count()).select_from(Decision).where(condition)).one()
            for condition in (True, Decision.fallback.is_not(None), Decision.is_degraded)  # type: ignore[union-attr]
        )
    return {"total": int(total), "cold_start": int(cold), "degraded": int(degraded)}


def report_paths(settings: Settings) -> tuple[Path, Path]:
    """Where the report and its JSON twin lie."""
    return settings.reports_dir / "audit.html", settings.reports_dir / "audit.json"
