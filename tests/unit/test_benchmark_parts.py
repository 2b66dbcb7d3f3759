"""What the parts of the recommenders' table decide by themselves: cutoffs, draws, peers' lists."""

import sys

import numpy as np
import pytest

from governance.settings import PROJECT_ROOT
from training.sequences import later_sessions, prefixes, sequences_of

sys.path.append(str(PROJECT_ROOT / "tests" / "benchmarks"))  # as the scripts there see it
from recommenders_figures import Ground, above, judged
from recommenders_peers_split import Work, lists_of, ndcg
from recommenders_sasrec import fit_sasrec_proposals

from training.retrievers import NO_ITEM


def _work(*, hides_seen):
    histories = {"starts": np.array([0, 2, 3]), "item": np.array([4, 1, 2]), "target": [0, 0]}
    parts = {f"{p}_{k}": v for p in ("known", "learned", "validation", "test")
             for k, v in histories.items()}  # fmt: skip
    facts = {"item_count": 5, "k": 3, "hides_seen": hides_seen, "test_owner": np.array([0, 1])}
    return Work(parts | facts, seconds=1.0)


def test_a_peer_s_lists_lose_what_is_hidden_and_what_is_filled_in():
    work = _work(hides_seen=True)
    items = np.array([[1, 3, 0], [3, -1, 2]])
    scores = np.array([[0.9, 0.5, np.finfo(np.float32).min], [0.7, 0.1, 0.2]])
    found, kept = work.shown(work.test, items, scores)
    assert found.tolist() == [[-1, 3, -1], [3, -1, -1]]
    assert (kept[found == -1] == -np.inf).all()


def test_a_peer_may_repeat_items_where_nothing_is_hidden():
    work = _work(hides_seen=False)
    items = np.array([[1, 4, 0], [2, 3, 0]])
    assert work.shown(work.test, items, np.ones((2, 3)))[0].tolist() == items.tolist()


def test_rows_of_users_in_any_order_become_rectangles():
    user, item = np.array([1, 0, 1, 0]), np.array([7, 5, 8, 6])
    items, scores = lists_of(user, item, np.array([0.9, 0.8, 0.7, 0.6]), count=3, k=3)
    assert items.tolist() == [[5, 6, -1], [7, 8, -1], [-1, -1, -1]]
    assert scores[1, :2].tolist() == [0.9, 0.7]


def test_the_peers_own_choice_of_knobs_goes_by_ndcg_at_10():
    items = np.array([[3, 1, 2], [0, 0, 0]])
    assert ndcg(items, np.array([1, 9])) == pytest.approx(0.5 / np.log2(3))


def test_a_difference_to_a_floor_is_clear_only_where_its_interval_is_above_zero():
    group = np.arange(200)
    floor = np.zeros(200)
    better, noisy = floor + 0.1, np.random.default_rng(0).normal(size=200)
    assert above({"hr": better}, {"hr": floor}, group)["hr"]["is_clear"]
    found = above({"hr": noisy - noisy.mean()}, {"hr": floor}, group)["hr"]
    assert not found["is_clear"]
    assert found["interval"][0] < 0 < found["interval"][1]


def test_figures_hold_each_metric_its_interval_and_both_groupings():
    ground = Ground(
        group=np.arange(4),
        acts_before=np.array([1, 5, 20, 20]),
        counts=np.array([9, 3, 0]),
        likeness=np.array([0, 0, 1]),
        target_counts=np.array([9, 3, 0, 0]),
    )
    lists = np.array([[0, 1], [0, NO_ITEM], [2, 1], [0, 1]])
    found = judged({"hr_at_10": np.array([1.0, 0.0, 1.0, 1.0])}, lists, ground)
    assert found["hr_at_10"] == 0.75
    low, high = found["interval"]["hr_at_10"]
    assert 0 <= low <= 0.75 <= high <= 1
    assert found["by_user"]["heavy"] == {
        "requests": 2, "hr_at_10": 1.0, "interval": {"hr_at_10": [1.0, 1.0]},
    }  # fmt: skip
    assert found["by_item"]["few"]["hr_at_10"] == 0.0
    assert found["by_item"]["unseen"]["requests"] == 2
    assert {"coverage_at_10", "novelty", "diversity", "tail_share"} <= set(found)


def test_sasrec_learns_within_its_seconds_and_a_killed_training_goes_on(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    draw = np.random.default_rng(0)
    walks = [((draw.integers(30) + np.arange(5)) % 30).astype(np.int32) for _ in range(100)]
    test = prefixes(walks[:10])
    split = later_sessions(sequences_of(walks, 30), test, validation_share=0.1)

    def measured():
        asked = {"kept": 10, "hides_seen": True, "seconds": 1.0, "work": tmp_path}
        return fit_sasrec_proposals(split, split.validation, **asked)

    _, first, facts = measured()
    _, again, facts_again = measured()  # as after a kill: its checkpoints are there
    assert facts["fit_seconds"] < 10
    assert 1 <= facts["epochs"] <= facts["epochs_learned"]
    assert [facts["is_resumed"], facts_again["is_resumed"]] == [False, True]
    assert facts_again["epochs"] == facts["epochs"]
    assert np.array_equal(first.items, again.items)


def test_sasrec_without_time_learns_one_epoch_and_says_that_it_was_cut_short(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    walks = [((place + np.arange(5)) % 30).astype(np.int32) for place in range(100)]
    split = later_sessions(sequences_of(walks, 30), prefixes(walks[:10]), validation_share=0.1)
    _, _, facts = fit_sasrec_proposals(
        split, split.validation, kept=10, hides_seen=True, seconds=0.0, work=tmp_path
    )
    assert (facts["epochs_learned"], facts["is_cut_short"]) == (1, True)
