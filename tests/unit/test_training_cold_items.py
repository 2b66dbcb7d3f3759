"""Cold items teach nothing, and nothing that came after a request is known to it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from training.cold_items import by_first_appearance, hold_out_cold
from training.sequences import sequences_of

ITEMS = 12
walks = st.lists(
    st.lists(st.integers(0, ITEMS - 1), max_size=8, unique=True), min_size=1, max_size=20
)
shares = st.sampled_from([(0.25, 0.0), (0.25, 0.25), (0.5, 0.3)])


def _sequences(lists):
    return sequences_of([np.array(items, dtype=np.int32) for items in lists], ITEMS)


def test_items_go_by_their_first_act_and_items_without_acts_do_not_appear():
    assert by_first_appearance(_sequences([[3, 0], [3, 7], [0, 1]])).tolist() == [3, 0, 7, 1]


def test_a_split_by_hand():
    split = hold_out_cold(_sequences([[0, 1, 2, 3], [0, 2, 4, 1, 3], [4, 0]]), share=0.4)
    assert split.cold.tolist() == [3, 4]
    assert split.warm.tolist() == [0, 1, 2]
    assert [items.tolist() for items in split.known.all()] == [[0, 1, 2], [0, 2], []]
    assert split.requests.target.tolist() == [3, 4, 4]
    assert [items.tolist() for items in split.with_history().histories] == [[0, 1, 2], [0, 2]]
    assert split.without_history().group.tolist() == [2]


def test_an_earlier_split_is_the_split_of_a_file_without_the_later_items():
    lists = [[0, 1, 2, 3], [0, 2, 4, 1, 3], [5, 4, 0], [6, 0, 7]]
    earlier = hold_out_cold(_sequences(lists), share=0.25, later=0.25)
    without = [[item for item in items if item < 6] for items in lists]
    plain = hold_out_cold(_sequences(without), share=1 / 3)
    assert earlier.cold.tolist() == plain.cold.tolist() == [4, 5]
    assert earlier.known.item.tolist() == plain.known.item.tolist()
    assert earlier.requests.target.tolist() == plain.requests.target.tolist()


@settings(max_examples=100, deadline=None)
@given(walks, shares)
def test_no_cold_or_left_out_item_teaches_or_stands_in_a_history(lists, parts):
    share, later = parts
    split = hold_out_cold(_sequences(lists), share=share, later=later)
    assert set(split.known.item.tolist()) <= set(split.warm.tolist())
    assert set(split.requests.target.tolist()) <= set(split.cold.tolist())
    for history in split.requests.histories:
        assert set(history.tolist()) <= set(split.warm.tolist())
    assert not set(split.cold.tolist()) & set(split.warm.tolist())


@settings(max_examples=100, deadline=None)
@given(walks, shares, st.randoms(use_true_random=False))
def test_which_cold_item_was_had_and_what_followed_it_changes_nothing_that_is_known(
    lists, parts, chance
):
    share, later = parts
    split = hold_out_cold(_sequences(lists), share=share, later=later)
    for place, history in zip(split.requests.group, split.requests.histories, strict=True):
        assert split.known.of(place).tolist() == history.tolist()
        whole = [x for x in lists[place] if x in split.warm or x in split.cold]
        assert whole[: len(history)] == history.tolist()
    shuffled = chance.sample(split.cold.tolist(), len(split.cold))
    names = dict(zip(split.cold.tolist(), shuffled, strict=True))
    other = hold_out_cold(
        _sequences([[names.get(item, item) for item in items] for items in lists]),
        share=share,
        later=later,
    )
    assert other.cold.tolist() == split.cold.tolist()
    assert other.known.item.tolist() == split.known.item.tolist()
