"""The core gives the same answer to the same wish, reads features once, and keeps its evidence."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count

import numpy as np
import pytest

from governance.declarations import Column
from governance.receipts import (
    Identity,
    explain_decision,
    explain_text,
    load_decision,
    record_decisions,
)
from governance.settings import Settings
from serving.answer import recommend
from serving.reading import ITEM, USER, Features, Matrix
from serving.schemas import RecommendRequest

IDENTITY = Identity("recommender", "v1", "d" * 64, "recommender_v1", "s" * 64)
AT = datetime(2017, 12, 31, 12, tzinfo=UTC)
COLUMNS = {
    USER: (Column("user__order_count", "bigint", "", 1, default=0),),
    ITEM: (Column("item__price_last_usd", "double", "", 1),),
}


@dataclass
class Found:
    item_ids: list
    scores: dict
    is_cold_start: bool


@dataclass
class Ranked:
    item_ids: list
    scores: list
    retrievers: list
    reasons: list


@dataclass
class Shelf:
    """A recommender that knows user 7 and ranks by the price it is shown."""

    seen: list = field(default_factory=list)

    def candidates(self, user_id, *, surface, limit):
        items = ["a", "b", "c"] if user_id == "7" else ["c", "d"]
        scores = {"habit": np.array([1.0, np.nan, 0.5][: len(items)])}
        return Found(items, scores, is_cold_start=user_id != "7")

    def rank(self, candidates, user_features, item_features):
        self.seen.append((user_features.values.copy(), item_features.values.copy()))
        order = np.argsort(-item_features.values[:, 0], kind="stable")
        ids = [candidates.item_ids[i] for i in order]
        scores = [float(item_features.values[i, 0]) for i in order]
        return Ranked(ids, scores, ["habit"] * len(ids), [["r1", "r2", "r3", "r4"]] * len(ids))

    def title(self, item_id):
        return f"Title of {item_id}"


class Reads:
    """Prices by item; counts how often it was asked."""

    def __init__(self, *, is_degraded=False):
        self.asked = []
        self.is_degraded = is_degraded

    def __call__(self, *, user_ids, item_ids):
        self.asked.append((tuple(user_ids), tuple(item_ids)))
        prices = {"a": 1.0, "b": np.nan, "c": 3.0, "d": 2.0}
        items = np.array([[prices[i]] for i in item_ids])
        users = np.array([[float(len(u))] for u in user_ids])
        return Features(
            tuple(user_ids),
            tuple(item_ids),
            Matrix(users, np.zeros(users.shape, bool), COLUMNS[USER]),
            Matrix(items, np.isnan(items), COLUMNS[ITEM]),
            is_degraded=self.is_degraded,
        )


def _decide(*user_ids, reads=None, k=2, recommender=None):
    numbers = count(1)
    return recommend(
        [RecommendRequest(user_id=user_id, k=k) for user_id in user_ids],
        recommender=recommender or Shelf(),
        read_features=reads or Reads(),
        identity=IDENTITY,
        requested_at=AT,
        new_id=lambda: f"{next(numbers):032x}",
    )


def test_a_batch_reads_features_once_for_users_and_candidates_together():
    reads = Reads()
    _decide("7", "new", "7", reads=reads)
    assert reads.asked == [(("7", "new"), ("a", "b", "c", "d"))]


def test_every_wish_of_a_batch_is_ranked_on_its_own_rows():
    shelf = Shelf()
    _decide("new", "7", recommender=shelf)
    (first_user, first_items), (second_user, second_items) = shelf.seen
    assert (first_user.tolist(), second_user.tolist()) == ([[3.0]], [[1.0]])
    assert first_items[:, 0].tolist() == [3.0, 2.0]
    assert second_items[[0, 2], 0].tolist() == [1.0, 3.0]


def test_an_answer_holds_k_items_best_first_with_at_most_three_reasons():
    (decided,) = _decide("7", k=2)
    items = decided.answer["items"]
    assert [item["item_id"] for item in items] == ["c", "a"]
    assert items[0]["title"] == "Title of c"
    assert items[0]["reasons"] == ["r1", "r2", "r3"]


def test_an_unknown_user_gets_an_answer_that_says_cold_start():
    (known, unknown) = _decide("7", "new")
    assert known.answer["fallback"] is None
    assert unknown.answer["fallback"] == "cold_start"
    assert len(unknown.answer["items"]) == 2


def test_a_batch_gives_the_same_answers_as_single_wishes():
    batch = [dict(d.answer, request_id="") for d in _decide("7", "new")]
    single = [dict(_decide(u)[0].answer, request_id="") for u in ("7", "new")]
    assert batch == single


def test_degraded_features_are_said_in_the_answer():
    (decided,) = _decide("7", reads=Reads(is_degraded=True))
    assert decided.answer["is_degraded"] is True


def test_evidence_marks_missing_values_and_unfound_candidates():
    (decided,) = _decide("7")
    assert decided.evidence.item_values == {"a": [1.0], "b": [None], "c": [3.0]}
    assert decided.evidence.candidates[1] == {"item_id": "b", "scores": {}}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return Settings(home=tmp_path_factory.mktemp("home"))


def test_a_recorded_decision_is_read_back_whole(home):
    decided = _decide("7")
    record_decisions(home, decided)
    explained = explain_decision(load_decision(home, decided[0].request_id))
    assert explained["answer"] == decided[0].answer
    assert explained["requested_at"] == AT.isoformat()
    assert explained["features"]["item_values"] == {"a": [1.0], "b": [None], "c": [3.0]}


def test_the_decisions_of_a_request_are_kept_together_or_not_at_all(home):
    _, second = _decide("new", "new", k=1)
    record_decisions(home, [second])
    other = _decide("7")[0]
    with pytest.raises(Exception, match=r"(?i)unique"):
        record_decisions(home, [_renamed(other, "f" * 32), second])
    with pytest.raises(Exception, match="no decision has this request id"):
        load_decision(home, "f" * 32)


def test_the_explanation_names_user_model_items_reasons_and_values(home):
    (decided,) = [_renamed(d, "e" * 32) for d in _decide("new", reads=Reads(is_degraded=True))]
    record_decisions(home, [decided])
    text = explain_text(load_decision(home, "e" * 32))
    for part in (
        "user new on home, k 2",
        "recommender v1, digest dddddddddddd; features recommender_v1",
        "cold_start",
        "declared defaults were used",
        "Title of c (item c)",
        "found by habit: r1; r2; r3",
        "item__price_last_usd 3",
    ):
        assert part in text


def _renamed(decided, request_id):
    return replace(decided, answer={**decided.answer, "request_id": request_id})


def test_serving_ranks_as_many_candidates_as_the_evaluation_does():
    from serving.answer import CANDIDATES
    from training.recommender.model import DEFAULT_LIMIT

    assert CANDIDATES == DEFAULT_LIMIT
