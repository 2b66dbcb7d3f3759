"""Which bundle may answer: the champion's folder, and the digest and features recorded for it.

Light (no Feast, no LightGBM), so that a missing champion is told before anything heavy is loaded.
"""

from dataclasses import dataclass
from pathlib import Path

from sqlmodel import desc, select

from governance.errors import StateError
from governance.records import ModelVersion, session
from governance.releases import champion_dir
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
    bundle_dir = champion_dir(settings, name)
    recorded = _recorded(settings, name, version=bundle_dir.name)
    if recorded is None:
        raise StateError(
            f"{name} {bundle_dir.name} was released but never recorded",
            where=str(settings.home_dir),
            why="the record store has its release and not its version",
            next_step="counterfoil train, then counterfoil release; or restore the record store",
        )
    return Champion(
        name=name,
        version=recorded.model_version,
        digest=recorded.bundle_sha256,
        feature_service=recorded.feature_service,
        schema_hash=recorded.schema_hash,
        bundle_dir=bundle_dir,
    )


def _recorded(settings: Settings, name: str, *, version: str) -> ModelVersion | None:
    query = (
        select(ModelVersion)
        .where(ModelVersion.model_name == name, ModelVersion.model_version == version)
        .order_by(desc(ModelVersion.id))
        .limit(1)
    )
    with session(settings) as records:
        return records.exec(query).first()
