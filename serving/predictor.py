"""One loaded champion: verified, warmed up, answering, and recording what it answered.

The command is ``counterfoil serve`` (through KServe) or ``counterfoil predict`` (one answer); both
come through here, which is why they give the same JSON.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from feature_repo.services import schema_hash, service_columns
from governance.receipts import Identity, record_decisions
from governance.settings import Settings
from serving.answer import recommend
from serving.champion import find_champion
from serving.ports import FeatureMatrix, ReadOnline
from serving.reading import ITEM, USER, FeatureReader
from serving.wish import RecommendRequest
from training.bundle import open_bundle
from training.policy.model import SurfacePolicy, read_policies
from training.recommender.model import Recommender

STRANGER = "warm-up"  # a user id that no shop gives


def now() -> datetime:
    """The edge's clock, in UTC; everything below is told the time."""
    return datetime.now(UTC)


def _new_id() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True)
class Predictor:
    """Everything one answer needs; safe to share between threads."""

    settings: Settings
    recommender: Recommender
    identity: Identity
    reader: FeatureReader
    known_user: str
    policies: Mapping[str, SurfacePolicy]

    def answer(
        self, requests: Sequence[RecommendRequest], *, requested_at: datetime
    ) -> list[dict[str, object]]:
        """Answers in order; each leaves only after its decision is recorded."""
        decided = recommend(
            requests,
            recommender=self.recommender,
            read_features=self.reader,
            identity=self.identity,
            policies=self.policies,
            requested_at=requested_at,
            new_id=_new_id,
        )
        record_decisions(self.settings, decided)
        return [dict(one.answer) for one in decided]

    def warm_up(self) -> None:
        """One answer for a known user and one for a stranger, neither given nor recorded."""
        recommend(
            [RecommendRequest(user_id=self.known_user), RecommendRequest(user_id=STRANGER)],
            recommender=self.recommender,
            read_features=self.reader,
            identity=self.identity,
            policies=self.policies,
            requested_at=now(),
            new_id=_new_id,
        )


def load_predictor(settings: Settings) -> Predictor:
    """The champion, verified and warmed up; a CounterfoilError says why it may not serve."""
    champion = find_champion(settings)
    declared = schema_hash(champion.feature_service)
    bundle = open_bundle(champion.bundle_dir, digest=champion.digest, schema_hash=declared)
    recommender = Recommender.load(bundle)
    read = _online_reader(settings, champion.feature_service)
    read(entity=USER, ids=[recommender.known_user])  # a store that is not ready says so here
    predictor = Predictor(
        settings=settings,
        recommender=recommender,
        identity=Identity(
            name=champion.name,
            version=champion.version,
            digest=champion.digest,
            feature_service=champion.feature_service,
            schema_hash=declared,
        ),
        reader=FeatureReader(
            read,
            columns={e: service_columns(champion.feature_service, entity=e) for e in (USER, ITEM)},
            workers=4 * settings.threads,  # users and items side by side, for search's answers too
        ),
        known_user=recommender.known_user or STRANGER,
        policies=read_policies(),
    )
    predictor.warm_up()
    return predictor


def _online_reader(settings: Settings, service: str) -> ReadOnline:
    from feature_repo.store import open_store, read_matrix  # Feast: seconds

    store = open_store(settings)

    def read(*, entity: str, ids: Sequence[str]) -> FeatureMatrix:
        matrix: FeatureMatrix = read_matrix(store, service, entity=entity, ids=list(ids))
        return matrix

    return read
