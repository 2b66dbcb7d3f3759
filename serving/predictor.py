"""One loaded champion: verified, warmed up, answering, and recording what it answered.

The command is ``counterfoil serve`` (through KServe) or ``counterfoil predict`` (one answer); both
come through here, which is why they give the same JSON.
"""

import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from governance.receipts import record_decisions
from governance.settings import Settings
from serving.answer import Identity, recommend
from serving.champion import find_champion
from serving.ports import Recommender
from serving.reading import FeatureReader
from serving.schemas import RecommendRequest

WARM_UP_BUDGET_SECONDS = 30.0  # the first read opens the registry and the store

logger = logging.getLogger(__name__)


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

    def answer(
        self, requests: Sequence[RecommendRequest], *, requested_at: datetime
    ) -> list[dict[str, object]]:
        """Answers in order; each leaves only after its decision is recorded."""
        decided = recommend(
            requests,
            recommender=self.recommender,
            read_features=self.reader,
            identity=self.identity,
            requested_at=requested_at,
            new_id=_new_id,
        )
        record_decisions(self.settings, decided)
        return [dict(one.answer) for one in decided]


def load_predictor(settings: Settings) -> Predictor:
    """The champion, verified and warmed up; a CounterfoilError says why it may not serve."""
    champion = find_champion(settings)
    _check_schema(champion)
    from training.bundle import open_bundle
    from training.recommender.model import Recommender as TrainedRecommender

    from feature_repo.store import open_store  # Feast: seconds

    bundle = open_bundle(champion.bundle_dir, digest=champion.digest)
    store = open_store(settings)
    predictor = Predictor(
        settings=settings,
        recommender=TrainedRecommender.load(bundle),
        identity=Identity(
            name=champion.name,
            version=champion.version,
            digest=champion.digest,
            feature_service=champion.feature_service,
            schema_hash=champion.schema_hash,
        ),
        reader=_reader(),
        known_user="",
    )
    return predictor
