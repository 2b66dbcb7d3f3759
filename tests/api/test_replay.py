"""A decision is made again from its record and the bundle, and is the same."""

from datetime import datetime

import numpy as np
import pytest

from governance.declarations import Column
from governance.receipts import Identity
from serving.answer import recommend
from serving.champion import find_champion
from serving.reading import Features, Matrix
from serving.wish import RecommendRequest
from training.bundle import open_bundle
from training.policy.model import SurfacePolicy

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def recommender(server):
    return open_bundle(find_champion(server.settings).bundle_dir).recommender()


def _matrix(names, rows):
    values = np.array(rows, dtype=np.float64).reshape(len(rows), len(names))  # None becomes NaN
    return Matrix(values, np.isnan(values), tuple(Column(name, "double", "", 1) for name in names))


def _recorded_reads(kept):
    """Online features as the record says they were read."""

    def read(*, user_ids, item_ids):
        items = [kept["item_values"][item] for item in item_ids]
        return Features(
            tuple(user_ids),
            tuple(item_ids),
            _matrix(kept["user_columns"], [kept["user_values"]]),
            _matrix(kept["item_columns"], items),
            is_degraded=False,
        )

    return read


@pytest.mark.parametrize(
    "wish",
    [
        {"surface": "home"},
        {"surface": "discover", "k": 20},
        {"surface": "email", "k": 15, "impressions": [{"item_id": "1", "count": 2}]},
        {"surface": "cart", "basket_item_ids": ["bestseller", "no-such-item"]},
    ],
)
def test_a_replay_of_the_record_gives_the_recorded_answer(server, recommender, known_user, wish):
    best = str(recommender.item_ids[recommender.memory.stock.popularity.argmax()])
    if basket := wish.get("basket_item_ids"):
        wish = wish | {"basket_item_ids": [best, *basket[1:]]}
    request = {"user_id": known_user, **wish}
    (prediction,) = server.predict(request).json()["predictions"]
    (kept,) = server.explain(prediction["request_id"]).json()["explanations"]
    identity = Identity(
        kept["model_name"],
        kept["model_version"],
        kept["model_digest"],
        kept["feature_service"],
        kept["schema_hash"],
    )
    policy = SurfacePolicy.from_knobs(kept["policy"]["knobs"])
    (again,) = recommend(
        [RecommendRequest.model_validate(kept["request"])],
        recommender=recommender,
        read_features=_recorded_reads(kept["features"]),
        identity=identity,
        policies={kept["surface"]: policy},
        requested_at=datetime.fromisoformat(kept["requested_at"]),
        new_id=lambda: kept["request_id"],
    )
    assert again.answer == kept["answer"] == prediction
    assert again.evidence.policy == kept["policy"]
    assert policy.digest == kept["policy"]["digest"]


def test_the_text_of_a_decision_says_what_was_dropped_and_drawn(server, known_user):
    (first,) = server.predict({"user_id": known_user, "k": 2}).json()["predictions"]
    left_out = [item["item_id"] for item in first["items"]]
    wish = {"user_id": known_user, "surface": "discover", "seen_item_ids": left_out}
    (prediction,) = server.predict(wish).json()["predictions"]
    (kept,) = server.explain(prediction["request_id"]).json()["explanations"]
    (drawn,) = [item for item in prediction["items"] if "propensity" in item]
    assert f"item {drawn['item_id']} at place 10, with probability" in kept["text"]
    assert (
        "stock        off: the store knows item__on_hand_last_28d of no candidate" in kept["text"]
    )
    assert f"policy       discover, digest {kept['policy']['digest'][:12]}" in kept["text"]
