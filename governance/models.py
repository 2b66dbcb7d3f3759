"""Trained versions as the records and bundles tell of them, for people and the report."""

import json
from typing import Any

from sqlmodel import desc, select

from governance.audit import MODEL_NAME
from governance.errors import InputError
from governance.records import ModelVersion, Release, session
from governance.releases import GATE_METRIC, champion_version
from governance.settings import Settings


def list_versions(settings: Settings, model_name: str = MODEL_NAME) -> list[dict[str, Any]]:
    """Every version once, newest first, with its alias (champion, challenger or none)."""
    champion = champion_version(settings, model_name)
    query = select(ModelVersion).where(ModelVersion.model_name == model_name)
    with session(settings) as records:
        found = records.exec(query.order_by(desc(ModelVersion.id))).all()
    newest = {version.model_version: version for version in reversed(found)}
    rows = sorted(newest.values(), key=lambda version: -(version.id or 0))
    challenger = rows[0].model_version if rows else None
    return [
        {
            "model": model_name,
            "version": row.model_version,
            "alias": _alias(row.model_version, champion, challenger),
            GATE_METRIC: _metric(settings, model_name, row.model_version),
            "at": row.recorded_at.isoformat(timespec="seconds"),
        }
        for row in rows
    ]


def show_version(settings: Settings, version: str, model_name: str = MODEL_NAME) -> dict[str, Any]:
    """The bundle.json of a version; ``champion`` names the one that answers."""
    named = champion_version(settings, model_name) if version == "champion" else version
    path = settings.bundles_dir / model_name / (named or "none") / "bundle.json"
    if named is None or not path.is_file():
        known = ", ".join(row["version"] for row in list_versions(settings, model_name))
        raise InputError(
            f"{model_name} has no version {version}",
            where=str(settings.bundles_dir / model_name),
            why=f"the versions are: {known or 'none yet'}",
            next_step="counterfoil models ls",
        )
    return dict(json.loads(path.read_text(encoding="utf-8")))


def newest_release(settings: Settings, model_name: str = MODEL_NAME) -> Release | None:
    """The newest decision of the gate, granted or not."""
    query = select(Release).where(Release.model_name == model_name).order_by(desc(Release.id))
    with session(settings) as records:
        return records.exec(query.limit(1)).first()


def released_versions(settings: Settings) -> list[ModelVersion]:
    """Every version of any model that the gate let through, each once, in order of training."""
    with session(settings) as records:
        granted = records.exec(select(Release).where(Release.is_released)).all()
        versions = records.exec(select(ModelVersion).order_by(ModelVersion.id)).all()  # type: ignore[arg-type]
    names = {(release.model_name, release.challenger_version) for release in granted}
    found = {(version.model_name, version.model_version): version for version in versions}
    return [version for name, version in found.items() if name in names]


def _alias(version: str, champion: str | None, challenger: str | None) -> str:
    if version == champion:
        return "champion"
    return "challenger" if version == challenger else ""


def _metric(settings: Settings, model_name: str, version: str) -> float | None:
    path = settings.bundles_dir / model_name / version / "bundle.json"
    if not path.is_file():
        return None
    return float(json.loads(path.read_text(encoding="utf-8"))["metrics"][GATE_METRIC])
