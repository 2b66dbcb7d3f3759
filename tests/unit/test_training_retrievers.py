"""Each cheap retriever's scores by hand, and the true cause of each."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import InputError
from training.covisitation.sequences import SequenceCovisitationConfig, fit_sequence_covisitation
from training.factorisation.train import LARGEST, EaseConfig, fit_ease
from training.item_neighbours.model import ItemLinks
from training.item_neighbours.train import ItemNeighboursConfig, fit_item_neighbours
from training.popularity.model import OwnItems, PopularItems
from training.popularity.train import PopularityConfig, fit_popularity
from training.retriever_files import load_retriever, save_retriever
from training.retrievers import Explains, Retriever, SparseRetriever
from training.sequences import sequences_of
from training.session_neighbours.train import SessionNeighboursConfig, fit_session_neighbours
from training.user_neighbours.train import UserNeighboursConfig, fit_user_neighbours

PLAIN = SequenceCovisitationConfig(from_power=0, to_power=0, backward=0.5, distance_power=1.0)


def _sequences(*lists, items=6):
    return sequences_of([np.array(x, dtype=np.int32) for x in lists], items)


def _score(retriever, *history):
    return retriever.score([np.array(history, dtype=np.int32)])[0].tolist()


def _causes(retriever, history, items):
    return retriever.causes(np.array(history), np.array(items)).tolist()


def test_covisitation_weighs_by_direction_and_distance():
    links = fit_sequence_covisitation(_sequences([0, 1, 2]), PLAIN)
    assert _score(links, 0)[:3] == pytest.approx([0, 1, 0.5])
    assert _score(links, 2)[:3] == pytest.approx([0.25, 0.5, 0])


def test_covisitation_divides_popularity_out():
    config = replace(PLAIN, to_power=1.0, from_power=0.5)
    links = fit_sequence_covisitation(_sequences([0, 1], [0, 1], [0, 2]), config)
    assert _score(links, 0)[1:3] == pytest.approx([2 / 2 / 3**0.5, 1 / 3**0.5])


def test_covisitation_fades_along_the_history_and_names_the_stronger_cause():
    links = fit_sequence_covisitation(_sequences([0, 2], [1, 2]), replace(PLAIN, history_decay=0.5))
    assert _score(links, 0, 1)[2] == pytest.approx(0.5 + 1)
    assert _causes(links, [0, 1], [2, 5]) == [1, -1]


def test_covisitation_knows_repeats_unless_told_not_to():
    sequences = _sequences([0, 0, 1])
    assert _score(fit_sequence_covisitation(sequences, PLAIN), 0)[0] == pytest.approx(1.5)
    without = fit_sequence_covisitation(sequences, replace(PLAIN, with_repeats=False))
    assert _score(without, 0)[0] == 0


def test_newer_sequences_weigh_more_where_order_is_time():
    links = fit_sequence_covisitation(
        _sequences([0, 1], [0, 2]), replace(PLAIN, sequence_decay=2.0)
    )
    assert _score(links, 0)[1:3] == pytest.approx([np.exp(-1.0), 1.0])


def test_pairs_weigh_by_the_kinds_of_both_acts():
    weights = np.array([[1.0, 3.0], [0.5, 2.0]])  # view, purchase
    links = fit_sequence_covisitation(
        _sequences([0, 1], [0, 2]), PLAIN, kinds=np.array([0, 0, 0, 1]), kind_weights=weights
    )
    assert _score(links, 0)[1:3] == pytest.approx([1.0, 3.0])
    assert _score(links, 2)[0] == pytest.approx(0.5 * 0.5)


def test_item_neighbours_are_shrunk_cosines():
    sequences = _sequences([0, 1], [0, 1], [0, 2])
    links = fit_item_neighbours(sequences, ItemNeighboursConfig(shrinkage=1.0, history_decay=1.0))
    assert _score(links, 0)[1:3] == pytest.approx([2 / (6**0.5 + 1), 1 / (3**0.5 + 1)])
    assert _score(links, 0)[0] == 0
    assert _causes(links, [2, 1], [0]) == [1]


def test_only_the_best_item_neighbours_are_kept():
    sequences = _sequences([0, 1], [0, 1], [0, 2])
    links = fit_item_neighbours(sequences, ItemNeighboursConfig(neighbours=1, shrinkage=0))
    assert np.diff(links.starts).max() == 1
    assert _score(links, 0)[2] == 0


def test_user_neighbours_by_hand():
    config = UserNeighboursConfig(shrinkage=0.0, rarity_power=0.0, history_decay=1.0)
    model = fit_user_neighbours(_sequences([0, 1], [0, 2, 3, 4]), config)
    scores = _score(model, 0)
    assert scores[1] == pytest.approx(1 / 2**0.5)
    assert scores[2] == pytest.approx(1 / 2)
    nearest = fit_user_neighbours(_sequences([0, 1], [0, 2, 3, 4]), replace(config, neighbours=1))
    assert _score(nearest, 0)[2] == 0


def test_user_neighbours_name_the_item_that_made_them_alike():
    config = UserNeighboursConfig(history_decay=1.0)
    model = fit_user_neighbours(_sequences([0, 2], [1, 3], [1, 3]), config)
    assert _causes(model, [0, 1], [2, 3, 5]) == [0, 1, -1]


def _session_config(**knobs):
    plain = {"session_decay": 0, "length_power": 0, "rarity_power": 0, "to_power": 0, "repeats": 0}
    return SessionNeighboursConfig(**plain | {"nearness": 1, "backward": 0.5} | knobs)


def test_session_neighbours_propose_what_stood_close_behind_the_match():
    model = fit_session_neighbours(_sequences([1, 0, 2, 3]), _session_config())
    assert _score(model, 0) == pytest.approx([0, 0.5, 1, 0.5, 0, 0])


def test_session_neighbours_like_sessions_that_share_later_items():
    sequences = _sequences([0, 2], [1, 3])
    model = fit_session_neighbours(sequences, _session_config(history_decay=0.5))
    assert _score(model, 0, 1)[2:4] == pytest.approx([0.5, 1])
    assert _causes(model, [0, 1], [2, 3, 5]) == [0, 1, -1]


def test_session_neighbours_prefer_recent_sessions_and_keep_only_the_nearest():
    sequences = _sequences([0, 1], [0, 2])
    model = fit_session_neighbours(sequences, _session_config(session_decay=2.0))
    assert _score(model, 0)[1:3] == pytest.approx([np.exp(-1), 1])
    nearest = _session_config(session_decay=2.0, neighbours=1)
    assert _score(fit_session_neighbours(sequences, nearest), 0)[1] == 0


def test_session_neighbours_add_repeats_of_ones_own_items():
    config = _session_config(repeats=0.4, history_decay=0.5)
    model = fit_session_neighbours(_sequences([0, 1]), config)
    assert _score(model, 5, 0)[0] == pytest.approx(0.4)
    assert _score(model, 5, 0)[5] == pytest.approx(0.2)


def test_an_item_that_scores_by_its_repeat_is_its_own_cause():
    model = fit_session_neighbours(_sequences([0, 1]), _session_config(repeats=0.4))
    assert _score(model, 5, 0)[5] > 0
    assert _causes(model, [5, 0], [5, 1, 3]) == [5, 0, -1]


def test_ease_solves_its_ridge_regression_with_an_empty_diagonal():
    sequences = _sequences([0, 1], [0, 1, 2], [2], items=3)
    model = fit_ease(sequences, EaseConfig(ridge=1.0, history_decay=1.0))
    shown = np.array([[1, 1, 0], [1, 1, 1], [0, 0, 1]])
    inverse = np.linalg.inv(shown.T @ shown + np.eye(3))
    expected = -inverse / np.diag(inverse)[None, :]
    np.fill_diagonal(expected, 0)
    assert model.weights == pytest.approx(expected, abs=1e-5)
    assert expected[0, 1] > expected[2, 1] > 0
    assert _causes(model, [0, 2], [1]) == [0]


def test_ease_refuses_a_catalogue_it_cannot_hold():
    with pytest.raises(InputError, match="EASE"):
        fit_ease(_sequences([0, 1], items=LARGEST + 1), EaseConfig())


def test_floors_by_hand():
    popular = fit_popularity(_sequences([0, 1], [1]), PopularityConfig(kept=1))
    assert _score(popular, 5)[:2] == [0, 2]
    assert _causes(popular, [5], [1]) == [-1]
    own = OwnItems(6, history_decay=0.5)
    assert _score(own, 1, 2, 1)[:3] == pytest.approx([0, 1.25, 0.5])
    assert _causes(own, [1, 2], [2, 3]) == [2, -1]


def _every_model(sequences):
    return [
        fit_sequence_covisitation(sequences, SequenceCovisitationConfig()),
        fit_item_neighbours(sequences, ItemNeighboursConfig()),
        fit_user_neighbours(sequences, UserNeighboursConfig()),
        fit_session_neighbours(sequences, SessionNeighboursConfig()),
        fit_popularity(sequences, PopularityConfig()),
        fit_ease(sequences, EaseConfig()),
        OwnItems(sequences.item_count, 0.5),
    ]


lists = st.lists(st.lists(st.integers(0, 5), max_size=6), max_size=8)


@given(lists, st.lists(st.lists(st.integers(0, 5), max_size=5), min_size=1, max_size=4))
def test_a_batch_scores_as_its_histories_alone_and_causes_come_from_the_history(known, asked):
    asked = [np.array(x, dtype=np.int32) for x in asked]
    for model in _every_model(_sequences(*known)):
        assert isinstance(model, Retriever)
        assert isinstance(model, Explains)
        whole = model.score(asked)
        assert whole.shape == (len(asked), 6)
        assert whole.dtype == np.float32
        alone = np.concatenate([model.score([history]) for history in asked])
        assert whole == pytest.approx(alone, abs=1e-5)
        if isinstance(model, SparseRetriever):
            assert (model.sparse_scores(asked).toarray() == whole).all()
        for history, scores in zip(asked, whole, strict=True):
            causes = model.causes(history, np.arange(6))
            assert set(causes.tolist()) <= {-1, *history.tolist()}
            if not isinstance(model, PopularItems):  # the only one that asks no history
                assert set(causes[scores > 1e-6].tolist()) <= set(history.tolist())


def test_every_model_answers_the_same_after_a_file(tmp_path):
    asked = [np.array([0, 3], dtype=np.int32), np.array([2], dtype=np.int32)]
    for model in _every_model(_sequences([0, 1, 2], [3, 1, 4], [0, 3])):
        path = tmp_path / f"{type(model).__name__}.safetensors"
        save_retriever(path, model)
        again = load_retriever(path, type(model))
        assert (again.score(asked) == model.score(asked)).all()


def test_a_file_of_another_model_is_refused(tmp_path):
    save_retriever(tmp_path / "own", OwnItems(6, 0.5))
    with pytest.raises(InputError, match="no ItemLinks"):
        load_retriever(tmp_path / "own", ItemLinks)
