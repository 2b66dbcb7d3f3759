"""Which bundle is champion: the newest release that was granted, and its files as recorded.

Light (no torch, no Feast), so that a missing champion is told before anything heavy is loaded.
"""

from dataclasses import dataclass
from pathlib import Path

from sqlmodel import col, select

from governance.errors import StateError
from governance.records import ModelVersion, Release, session
from governance.settings import Settings

MODEL = "recommender"


@dataclass(frozen=True)
class Champion:
    """A released version: its folder, its content digest, and the features it was made for."""

    name: str
    version: str
    digest: str
    feature_service: str
    schema_hash: str
    bundle_dir: Path


def find_champion(settings: Settings, name: str = MODEL) -> Champion:
    """The champion of a model; StateError when none was released or its bundle is gone."""
    released, recorded = _records(settings, name)
    if released is None or recorded is None:
        raise StateError(
            f"there is no champion of {name}",
            where=str(settings.home_dir),
            why="no release was granted here yet",
            next_step="counterfoil demo, or counterfoil train and then counterfoil release",
        )
    bundle_dir = settings.bundles_dir / name / released.challenger_version
    if not bundle_dir.is_dir():
        raise StateError(
            f"the bundle of champion {name} {released.challenger_version} is missing",
            where=str(bundle_dir),
            why="the release is recorded, but its folder is not there",
            next_step="restore the folder from a backup, or run counterfoil train and release",
        )
    return Champion(
        name=name,
        version=released.challenger_version,
        digest=recorded.bundle_sha256,
        feature_service=recorded.feature_service,
        schema_hash=recorded.schema_hash,
        bundle_dir=bundle_dir,
    )


def _records(settings: Settings, name: str) -> tuple[Release | None, ModelVersion | None]:
    with session(settings) as opened:
        released = opened.exec(
            select(Release)
            .where(Release.model_name == name, col(Release.is_released))
            .order_by(col(Release.id).desc())
        ).first()
        if released is None:
            return None, None
        recorded = opened.exec(
            select(ModelVersion)
            .where(
                ModelVersion.model_name == name,
                ModelVersion.model_version == released.challenger_version,
            )
            .order_by(col(ModelVersion.id).desc())
        ).first()
        return released, recorded
