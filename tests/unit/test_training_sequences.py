"""Splits show no model its own targets; metrics count ties against us; knobs are chosen fairly."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.knobs import choose_knobs
from training.retrievers import NO_ITEM, Proposals, propose
from training.sequences import later_sessions, leave_one_out, prefixes, sequences_of
from training.single_target import MISSED, bootstrap, hits, ndcg, places, reciprocal

histories = st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=8), min_size=1, max_size=12)


def _sequences(*lists, items=10):
    return sequences_of([np.array(x, dtype=np.int32) for x in lists], items)


@dataclass
class Fixed:
    """A dense retriever that answers what it was given."""

    scores: np.ndarray

    def score(self, histories):
        return np.tile(self.scores, (len(histories), 1)).astype(np.float32)


def test_the_last_item_judges_and_the_one_before_chooses():
    split = leave_one_out(_sequences([1, 2, 3, 4]))
    assert split.learned.item.tolist() == [1, 2]
    assert split.validation.histories[0].tolist() == [1, 2]
    assert split.validation.target.tolist() == [3]
    assert split.test.histories[0].tolist() == [1, 2, 3]
    assert split.test.target.tolist() == [4]


def test_a_user_of_two_items_only_teaches():
    split = leave_one_out(_sequences([1, 2], [3, 4, 5]))
    assert len(split.test) == 1
    assert split.known.item.tolist() == [1, 2, 3]


@given(histories)
def test_neither_judging_nor_choosing_acts_ever_teach(lists):
    marked = [[10 * user + step for step in range(len(x))] for user, x in enumerate(lists)]
    split = leave_one_out(_sequences(*marked, items=200))
    taught = set(split.learned.item.tolist()) | set(split.known.item.tolist())
    assert not taught & set(split.test.target.tolist())
    assert not taught & set(split.validation.target.tolist())


def test_knobs_of_sessions_are_chosen_on_the_last_ones():
    test = prefixes([np.array([7, 8])])
    split = later_sessions(_sequences([0, 1], [2, 3], [4, 5], [5, 6]), test, validation_share=0.25)
    assert split.known.item.tolist() == [0, 1, 2, 3, 4, 5]
    assert split.validation.histories[0].tolist() == [5]
    assert split.validation.target.tolist() == [6]
    assert split.learned.item.tolist() == [0, 1, 2, 3, 4, 5, 5, 6]


def test_every_beginning_of_a_session_asks_for_what_followed_it():
    requests = prefixes([np.array([1, 2, 3]), np.array([4])])
    assert [x.tolist() for x in requests.histories] == [[1], [1, 2]]
    assert requests.target.tolist() == [2, 3]
    assert requests.group.tolist() == [0, 0]


def test_ties_count_against_the_model():
    found = Proposals(np.array([[4, 5, 6]]), np.array([[2.0, 1.0, 1.0]], dtype=np.float32))
    assert places(found, np.array([4])).tolist() == [1]
    assert places(found, np.array([5])).tolist() == [3]
    assert places(found, np.array([9])).tolist() == [MISSED]


def test_a_model_that_scores_everything_alike_finds_nothing():
    found = propose(Fixed(np.ones(30)), [np.array([0])] * 3, k=20, hide_seen=False)
    assert hits(places(found, np.array([1, 2, 3])), 10).sum() == 0


def test_metrics_by_hand():
    place = np.array([1, 3, 11, MISSED])
    assert ndcg(place, 10).tolist() == pytest.approx([1.0, 0.5, 0.0, 0.0])
    assert hits(place, 10).tolist() == [1, 1, 0, 0]
    assert reciprocal(place, 20).tolist() == pytest.approx([1, 1 / 3, 1 / 11, 0])


def test_the_interval_holds_the_mean_and_widens_when_requests_share_a_user():
    values = np.repeat([0.0, 1.0] * 20, 10)
    alone = bootstrap(values, np.arange(400))
    shared = bootstrap(values, np.repeat(np.arange(40), 10))
    assert alone.low < alone.mean == 0.5 < alone.high
    assert shared.high - shared.low > 2 * (alone.high - alone.low)


def test_seen_items_are_hidden_only_where_the_surface_says_so():
    scores, history = np.array([3.0, 2.0, 1.0, 0.5]), [np.array([0, 2])]
    assert propose(Fixed(scores), history, k=3, hide_seen=True).items.tolist() == [[1, 3, NO_ITEM]]
    assert propose(Fixed(scores), history, k=3, hide_seen=False).items.tolist() == [[0, 1, 2]]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40), st.integers(1, 45))
def test_top_k_is_the_sorted_catalogue_with_equal_scores_by_smaller_item(scores, k):
    found = propose(Fixed(np.array(scores)), [np.empty(0, dtype=np.int32)], k=k, hide_seen=False)
    order = sorted(range(len(scores)), key=lambda item: (-scores[item], item))[:k]
    assert found.items[0, : len(order)].tolist() == order
    assert (found.items[0, len(order) :] == NO_ITEM).all()


def test_a_knob_is_kept_only_where_it_helps():
    @dataclass(frozen=True)
    class Config:
        near: int = 0
        far: int = 0

    options = {"near": (0, 1, 2), "far": (0, 5)}
    choice = choose_knobs(Config(), options, lambda c: -abs(c.near - 1) - c.far)
    assert choice.config == Config(near=1, far=0)
    assert choice.tried == 4
