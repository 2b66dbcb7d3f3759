"""After ranking: every item is kept or dropped with a reason, and a replay gives the same list."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ranked_lists import PLAIN, ints, ranked, settle

from training.policy.model import REASONS, RULES, Circumstances, Impressions, SurfacePolicy


def reasons_of(listed, outcome):
    return dict(zip(listed.items[outcome.dropped].tolist(), outcome.reasons, strict=True))


@st.composite
def situations(draw):
    """Any list, any policy, any circumstances, many of them about items of the list."""
    count = draw(st.integers(0, 30))
    listed = ranked(
        count,
        categories=draw(st.lists(st.integers(0, 4), min_size=count, max_size=count)),
        vectors=np.reshape(
            draw(st.lists(st.integers(-3, 3), min_size=2 * count, max_size=2 * count)), (count, 2)
        ),
        scores=sorted(
            draw(st.lists(st.floats(-9, 9), min_size=count, max_size=count)), reverse=True
        ),
    )
    some = st.lists(st.integers(8, 42), max_size=6).map(lambda items: ints(*items))
    shown, bought = draw(some), draw(some)
    holds = Circumstances(
        excluded=draw(some),
        unavailable=draw(some),
        basket=draw(some),
        bought=bought,
        bought_weeks_ago=np.arange(len(bought), dtype=np.float64),
        seen=draw(some),
        impressions=Impressions(shown, np.full(len(shown), 2.0), np.arange(len(shown)) * 3.0),
    )
    policy = SurfacePolicy(
        hide_bought_weeks=draw(st.sampled_from([0, 3, np.inf])),
        hide_basket=draw(st.booleans()),
        hide_seen=draw(st.booleans()),
        category_cap=draw(st.integers(0, 4)),
        mmr_lambda=draw(st.sampled_from([0.0, 0.5, 1.0])),
        fatigue_threshold=draw(st.sampled_from([0, 1.0, 3.0])),
        explore=draw(st.booleans()),
        explore_place=draw(st.integers(0, 12)),
        explore_pool=draw(st.integers(1, 9)),
    )
    return listed, holds, policy, draw(st.integers(1, 12)), draw(st.text(max_size=8))


@given(situations())
def test_every_item_is_kept_or_dropped_with_a_reason(situation):
    listed, holds, policy, k, request_id = situation
    outcome = settle(listed, holds, policy, k=k, request_id=request_id)
    everything = np.concatenate([outcome.kept, outcome.dropped])
    assert sorted(everything.tolist()) == list(range(len(listed.items)))
    assert len(outcome.reasons) == len(outcome.dropped)
    assert set(outcome.reasons) <= set(RULES)


@given(situations())
def test_the_cap_is_never_exceeded(situation):
    listed, holds, policy, k, request_id = situation
    outcome = settle(listed, holds, policy, k=k, request_id=request_id)
    if policy.category_cap:
        _, counts = np.unique(listed.categories[outcome.kept, 0], return_counts=True)
        assert counts.max(initial=0) <= policy.category_cap


@given(situations())
def test_a_replay_gives_the_same_list(situation):
    listed, holds, policy, k, request_id = situation
    first, again = (settle(listed, holds, policy, k=k, request_id=request_id) for _ in range(2))
    assert first.kept.tolist() == again.kept.tolist()
    assert (first.explored, first.propensity) == (again.explored, again.propensity)


@given(situations())
def test_lambda_one_without_a_draw_keeps_the_order_of_the_ranking(situation):
    listed, holds, policy, k, _ = situation
    outcome = settle(listed, holds, replace(policy, mmr_lambda=1.0, explore=False), k=k)
    assert outcome.kept.tolist() == sorted(outcome.kept.tolist())
    assert not outcome.is_moved.any()


@given(situations())
def test_a_draw_is_shown_and_has_a_probability(situation):
    listed, holds, policy, k, request_id = situation
    outcome = settle(listed, holds, replace(policy, explore=True), k=k, request_id=request_id)
    if len(outcome.kept) == 0:
        assert outcome.explored is None
        return
    assert 0 <= outcome.explored < min(k, len(outcome.kept))
    assert 0 < outcome.propensity <= 1


@given(situations())
def test_nothing_hidden_is_shown(situation):
    listed, holds, policy, k, request_id = situation
    outcome = settle(listed, holds, policy, k=k, request_id=request_id)
    shown = set(listed.items[outcome.kept].tolist())
    assert not shown & {*holds.excluded.tolist(), *holds.unavailable.tolist()}
    assert not (policy.hide_basket and shown & set(holds.basket.tolist()))
    assert not (policy.hide_seen and shown & set(holds.seen.tolist()))


@pytest.mark.parametrize(
    ("holds", "policy", "reason"),
    [
        (Circumstances(excluded=ints(11)), PLAIN, "excluded"),
        (Circumstances(unavailable=ints(11)), PLAIN, "out_of_stock"),
        (Circumstances(basket=ints(11)), PLAIN, "in_basket"),
        (Circumstances(seen=ints(11)), PLAIN, "already_seen"),
        (
            Circumstances(bought=ints(11, 12), bought_weeks_ago=np.array([1.0, 2.0])),
            SurfacePolicy(hide_bought_weeks=2),
            "already_bought",
        ),
        (
            Circumstances(impressions=Impressions(ints(11), np.array([3.0]), np.array([0.0]))),
            PLAIN,
            "seen_without_click",
        ),
    ],
)
def test_each_rule_drops_its_item_with_its_reason(holds, policy, reason):
    listed = ranked()
    outcome = settle(listed, holds, policy)
    assert reasons_of(listed, outcome) == {11: reason}
    assert listed.items[outcome.kept].tolist() == [10, 12, 13, 14, 15]


def test_the_first_rule_of_several_is_the_reason():
    listed = ranked()
    holds = Circumstances(seen=ints(11), excluded=ints(11), basket=ints(11))
    assert reasons_of(listed, settle(listed, holds)) == {11: "excluded"}


def test_the_cap_counts_only_what_other_rules_leave():
    listed = ranked(categories=[1, 1, 1, 2, 1, 2])
    outcome = settle(listed, Circumstances(excluded=ints(10)), SurfacePolicy(category_cap=2))
    assert reasons_of(listed, outcome) == {10: "excluded", 14: "category_cap"}


@pytest.mark.parametrize(("days_ago", "rests"), [(0.0, True), (6.9, True), (7.1, False)])
def test_four_impressions_rest_an_item_until_they_have_faded_to_two(days_ago, rests):
    shown = Impressions(ints(11), np.array([4.0]), np.array([days_ago]))
    policy = SurfacePolicy(fatigue_threshold=2.0, fatigue_half_life_days=7.0)
    outcome = settle(ranked(), Circumstances(impressions=shown), policy)
    assert (outcome.reasons == ("seen_without_click",)) is rests


def test_every_reason_has_one_name():
    assert len(set(REASONS)) == len(REASONS)
    assert set(RULES) < set(REASONS)
