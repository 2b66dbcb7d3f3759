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
from serving.settling import STOCK_OFF, STOCK_ON
from serving.wish import INTENTS, RecommendRequest
from training.policy.model import Ranked, read_policies

IDENTITY = Identity("recommender", "v1", "d" * 64, "recommender_v1", "s" * 64)
AT = datetime(2017, 12, 31, 12, tzinfo=UTC)
COLUMNS = {
    USER: (Column("user__order_count", "bigint", "", 1, default=0),),
    ITEM: (Column("item__price_last_usd", "double", "", 1),),
}
ON_HAND = Column("item__on_hand_last_28d", "double", "", 1)
ITEMS = ["a", "b", "c", "d"]


@dataclass
class Found:
    item_ids: list
    scores: dict
    is_cold_start: bool
    start: None = None
    shopper: None = None

    @property
    def items(self):
        return np.array([ITEMS.index(item) for item in self.item_ids])


@dataclass
class Listing:
    item_ids: list
    scores: list
    retrievers: list
    reasons: list
    confidences: tuple | None = None


@dataclass
class Shelf:
    """A recommender that knows user 7 and ranks by the price it is shown."""

    seen: list = field(default_factory=list)

    def candidates(self, user_id, *, surface, limit, about):
        items = ["a", "b", "c"] if user_id == "7" else ["c", "d"]
        scores = {"habit": np.array([1.0, np.nan, 0.5][: len(items)])}
        return Found(items, scores, is_cold_start=user_id != "7")

    def rank(self, candidates, user_features, item_features, *, signal_weight):
        self.seen.append((user_features.values.copy(), item_features.values.copy()))
        order = np.argsort(-item_features.values[:, 0], kind="stable")
        ids = [candidates.item_ids[i] for i in order]
        scores = [float(item_features.values[i, 0]) for i in order]
        return Listing(ids, scores, ["habit"] * len(ids), [["r1", "r2", "r3", "r4"]] * len(ids))

    def title(self, item_id):
        return f"Title of {item_id}"

    def codes_of(self, item_ids):
        return np.array([ITEMS.index(i) if i in ITEMS else -1 for i in item_ids], dtype=np.int32)

    def ranked(self, ranking):
        items = self.codes_of(ranking.item_ids)
        nothing = np.zeros((len(items), 1))
        return Ranked(items, np.array(ranking.scores), np.array([[i] for i in items]), nothing)


class Reads:
    """Prices by item; counts how often it was asked."""

    def __init__(self, *, is_degraded=False, on_hand=None):
        self.asked = []
        self.is_degraded = is_degraded
        self.on_hand = on_hand or {}

    def __call__(self, *, user_ids, item_ids):
        self.asked.append((tuple(user_ids), tuple(item_ids)))
        prices = {"a": 1.0, "b": np.nan, "c": 3.0, "d": 2.0}
        items = np.array([[prices[i], *self.on_hand.get(i, [])] for i in item_ids])
        users = np.array([[float(len(u))] for u in user_ids])
        return Features(
            tuple(user_ids),
            tuple(item_ids),
            Matrix(users, np.zeros(users.shape, bool), COLUMNS[USER]),
            Matrix(items, np.isnan(items), (*COLUMNS[ITEM], *[ON_HAND] * bool(self.on_hand))),
            is_degraded=self.is_degraded,
        )


def _decide(*user_ids, reads=None, k=2, recommender=None, **wish):
    numbers = count(1)
    return recommend(
        [RecommendRequest(user_id=user_id, k=k, **wish) for user_id in user_ids],
        recommender=recommender or Shelf(),
        read_features=reads or Reads(),
        identity=IDENTITY,
        policies=read_policies(),
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


LAST = tuple(Column(f"user__search_{i}_last", "bigint", "", 1, default=0) for i in INTENTS)


class ReadsIntents(Reads):
    """The store's last query of everybody was to learn; user 9 has none."""

    def __call__(self, *, user_ids, item_ids):
        found = super().__call__(user_ids=user_ids, item_ids=item_ids)
        users = np.array([[1.0, *([np.nan] * 4 if u == "9" else [0, 1, 0, 0])] for u in user_ids])
        columns = (*COLUMNS[USER], *LAST)
        return replace(found, users=Matrix(users, np.isnan(users), columns))


@pytest.mark.parametrize("user_id", ["7", "9"])
def test_the_intent_of_the_query_just_typed_is_the_rankers_and_the_store_s_is_recorded(user_id):
    shelf = Shelf()
    (asked,) = _decide(user_id, recommender=shelf, reads=ReadsIntents(), query_intent="compare")
    ((user, _),) = shelf.seen
    assert user.tolist() == [[1.0, 0.0, 0.0, 1.0, 0.0]]
    assert asked.request["query_intent"] == "compare"
    stored = [None] * 4 if user_id == "9" else [0, 1, 0, 0]
    assert asked.evidence.user_values == [1.0, *stored]


def test_without_a_query_the_intent_of_the_last_one_is_the_store_s():
    shelf = Shelf()
    _decide("7", recommender=shelf, reads=ReadsIntents())
    assert shelf.seen[0][0].tolist() == [[1.0, 0.0, 1.0, 0.0, 0.0]]


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


def test_what_the_request_leaves_out_is_dropped_with_its_reason():
    (decided,) = _decide(
        "7", exclude_item_ids=["c", "nothing"], unavailable_item_ids=["a"], explain=True
    )
    assert [item["item_id"] for item in decided.answer["items"]] == ["b"]
    assert decided.answer["dropped"] == [
        {"item_id": "c", "reason": "excluded"},
        {"item_id": "a", "reason": "out_of_stock"},
    ]


def test_the_record_says_what_was_dropped_though_the_answer_was_not_asked_to():
    (decided,) = _decide("7", seen_item_ids=["c"])
    assert "dropped" not in decided.answer
    assert decided.evidence.policy["dropped"] == [{"item_id": "c", "reason": "already_seen"}]
    assert decided.evidence.policy["shown"][0] == {"item_id": "a", "rank": 2, "is_moved": False}
    assert decided.evidence.policy["knobs"]["mmr_lambda"] == 1.0


def test_an_item_is_never_shown_beside_itself():
    """Also where nothing links it, and the shopper's own list is what is ranked."""
    (decided,) = _decide("7", k=3, surface="similar", item_id="c")
    assert [item["item_id"] for item in decided.answer["items"]] == ["a", "b"]


def test_without_a_stock_feature_availability_is_off_and_says_so():
    (decided,) = _decide("7")
    assert decided.evidence.policy["availability"] == STOCK_OFF


def test_a_stock_feature_drops_what_is_not_on_hand_and_keeps_what_is_unknown():
    on_hand = {"a": [5.0], "b": [np.nan], "c": [0.0]}
    (decided,) = _decide("7", k=3, explain=True, reads=Reads(on_hand=on_hand))
    assert [item["item_id"] for item in decided.answer["items"]] == ["a", "b"]
    assert decided.answer["dropped"] == [{"item_id": "c", "reason": "out_of_stock"}]
    assert decided.evidence.policy["availability"] == STOCK_ON


def test_stock_that_the_store_knows_of_no_candidate_hides_nothing_and_the_record_says_so():
    on_hand = {item: [np.nan] for item in "abc"}
    (decided,) = _decide("7", k=3, explain=True, reads=Reads(on_hand=on_hand))
    assert len(decided.answer["items"]) == 3
    assert decided.evidence.policy["availability"] == STOCK_OFF


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


def test_the_explanation_says_what_was_dropped_and_by_which_policy(home):
    decided = _renamed(_decide("7", seen_item_ids=["c"], exclude_item_ids=["b"])[0], "d" * 32)
    record_decisions(home, [decided])
    text = explain_text(load_decision(home, "d" * 32))
    assert "dropped      1 already_seen, 1 excluded" in text
    assert f"policy       home, digest {decided.evidence.policy['digest'][:12]}" in text


def test_a_record_from_before_there_was_a_policy_is_still_explained(home):
    old = _renamed(_decide("7")[0], "c" * 32)
    record_decisions(home, [replace(old, evidence=replace(old.evidence, policy={}))])
    kept = load_decision(home, "c" * 32)
    assert explain_decision(kept)["policy"] == {}
    assert "dropped" not in explain_text(kept)


def _renamed(decided, request_id):
    return replace(decided, answer={**decided.answer, "request_id": request_id})


def test_serving_ranks_as_many_candidates_as_the_evaluation_does():
    from serving.answer import CANDIDATES
    from training.recommender.model import DEFAULT_LIMIT

    assert CANDIDATES == DEFAULT_LIMIT
