"""An item is known by its words alone, a user by their items, and the same seed by its bytes."""

from dataclasses import fields, replace
from itertools import product

import numpy as np
import pytest
import torch

from governance.errors import InputError, StateError
from training.best_epoch import DivergedError
from training.cold_items import hold_out_cold
from training.retriever_files import load_retriever, save_retriever
from training.retrievers import NO_ITEM, Explains, Retriever, propose
from training.sequences import sequences_of
from training.two_tower.config import DEFAULT_FILE, TwoTowerConfig, read_config
from training.two_tower.model import TextTower, TowerItems
from training.two_tower.train import fit_two_tower, foretell, plain_tower
from training.two_tower.words import counted, rarity, unit_rows

KINDS = [f"{a} {b}" for a, b in product(("red", "soft", "dark", "pale"), ("pen", "cup", "hat"))]
TITLES = [f"{KINDS[item % 12]} no{item} of {item // 12}" for item in range(120)]
SMALL = TwoTowerConfig(epochs=3, width=8, batch=32, negatives=16)


def _split(*, names=None):
    """Users keep to a kind; later users find newer items of it."""
    draw = np.random.default_rng(0)
    lists = []
    for user in range(150):
        shelf = np.arange(draw.integers(12), 120, 12)[: 4 + user // 25]
        lists.append(draw.permutation(shelf)[:4].astype(np.int32))
    if names is not None:
        lists = [names[items] for items in lists]
    return hold_out_cold(sequences_of(lists, 120), share=0.15)


def _fit(split=None, *, titles=TITLES, config=SMALL, **rest):
    torch.set_num_threads(1)
    split = split or _split()
    return fit_two_tower(split, titles, config=config, progress=lambda _: None, **rest)


def _bytes(retriever):
    return [np.asarray(getattr(retriever, part.name)).tobytes() for part in fields(retriever)]


def test_the_items_are_a_retriever_that_scores_and_explains():
    items = _fit().tower.items(TITLES)
    assert isinstance(items, Retriever)
    assert isinstance(items, Explains)
    found = propose(items, [np.array([0], dtype=np.int32)], k=3, hide_seen=True)
    assert all(item % 12 == 0 for item in found.items[0])


def test_cold_items_of_a_users_kind_are_found_without_an_act_on_them():
    split, fitted = _split(), _fit()
    by_chance = 1 / len(split.cold)
    assert fitted.metrics["ndcg_at_10"] > 5 * by_chance
    assert foretell(fitted.tower, TITLES, split.with_history(), split.cold) == pytest.approx(
        fitted.metrics["ndcg_at_10"]
    )


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others():
    first, second = _fit(), _fit()
    assert _bytes(first.tower) == _bytes(second.tower)
    assert first.curve == second.curve
    assert _bytes(_fit(config=replace(SMALL, seed=1)).tower) != _bytes(first.tower)


def test_titles_of_cold_items_change_nothing_that_is_learned():
    split = _split()
    titles = [f"new {i}" if i in split.cold else title for i, title in enumerate(TITLES)]
    one, other = (_fit(titles=some, validate=False).tower for some in (TITLES, titles))
    assert _bytes(one) == _bytes(other)


def test_an_item_depends_on_its_own_title_only():
    tower = _fit().tower
    whole, alone = tower.items(TITLES), tower.items(TITLES[7:8])
    assert np.allclose(whole.offered[7], alone.offered[0], atol=1e-6)
    assert np.isclose(whole.prior[7], alone.prior[0], atol=1e-6)


def test_a_new_user_is_offered_by_the_prior_and_nothing_is_named_as_cause():
    items = _fit().tower.items(TITLES)
    nothing = np.empty(0, dtype=np.int32)
    assert np.array_equal(items.score([nothing])[0], items.prior)
    assert items.causes(nothing, np.arange(3)).tolist() == [NO_ITEM] * 3


def test_words_of_popular_items_raise_the_prior():
    split = _split()
    items = _fit(config=replace(SMALL, epochs=8, learning_rate=1e-2)).tower.items(TITLES)
    acts = np.bincount(split.known.item, minlength=120)
    liked, rare = (split.warm[acts[split.warm] > 3], split.warm[acts[split.warm] <= 3])
    assert items.prior[liked].mean() > items.prior[rare].mean()


def test_the_cause_is_the_history_item_without_which_the_score_falls_most():
    items = _fit().tower.items(TITLES)
    history = np.array([0, 13, 26], dtype=np.int32)
    assert items.causes(history, np.array([12, 1, 2])).tolist() == [0, 13, 26]


def test_an_item_without_a_title_has_a_score_and_no_cause():
    items = _fit().tower.items([*TITLES, ""])
    scores = items.score([np.array([0], dtype=np.int32)])
    assert np.isfinite(scores).all()
    assert items.causes(np.array([0], dtype=np.int32), np.array([120])).tolist() == [NO_ITEM]


def test_tower_and_items_come_back_from_their_files(tmp_path):
    tower = _fit().tower
    items = tower.items(TITLES)
    for name, part, kind in (("tower", tower, TextTower), ("items", items, TowerItems)):
        save_retriever(tmp_path / name, part)
        assert _bytes(load_retriever(tmp_path / name, kind)) == _bytes(part)
    assert _bytes(load_retriever(tmp_path / "tower", TextTower).items(TITLES)) == _bytes(items)


def test_a_killed_training_ends_in_the_same_bytes(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    whole = _fit(config=replace(SMALL, patience=9))
    _fit(config=replace(SMALL, patience=9, epochs=1), checkpoint=path)
    resumed = _fit(config=replace(SMALL, patience=9), checkpoint=path)
    assert _bytes(resumed.tower) == _bytes(whole.tower)
    assert resumed.curve == whole.curve
    with pytest.raises(StateError, match="another training"):
        _fit(config=replace(SMALL, seed=5), checkpoint=path)


def test_a_tower_that_diverges_says_so_and_foretells_nothing():
    with pytest.raises(DivergedError, match="diverged"):
        _fit(config=replace(SMALL, learning_rate=1e30))
    tower = _fit().tower
    lost = replace(tower, word_scale=float("nan"))
    split = _split()
    assert foretell(lost, TITLES, split.with_history(), split.cold) < 0.5


def test_without_validation_all_epochs_are_learned():
    fitted = _fit(validate=False)
    assert fitted.metrics == {"epoch": 3.0}
    assert [set(point) for point in fitted.curve] == [{"epoch", "loss"}] * 3


def test_the_plain_tower_is_the_cosine_of_words():
    items = plain_tower(_split(), TITLES, config=SMALL).items(TITLES)
    words = unit_rows(
        counts := counted(TITLES, place_power=SMALL.place_power, leading=SMALL.leading),
        rarity(counts[_split().warm]),
    )
    scores = items.score([np.array([5], dtype=np.int32)])[0]
    wanted = (words[[5]] @ words.T).toarray()[0] * SMALL.word_scale
    assert np.allclose(scores, wanted, atol=1e-5)


def test_early_words_weigh_more_and_a_word_of_most_titles_nothing():
    one = counted(["opi red polish"], place_power=0.5, leading=0.0)
    assert sorted(one.data.tolist(), reverse=True)[:2] == [1.0, 1.0]  # opi, and opi red
    assert one.data.min() == pytest.approx(3**-0.5)
    assert counted(["opi red"], place_power=0, leading=2).data.tolist().count(2.0) == 2
    shared = counted([f"shop {n}" for n in range(40)], place_power=0.0, leading=0.0)
    assert unit_rows(shared, rarity(shared)).nnz < shared.nnz


def test_other_than_one_title_per_item_is_refused():
    with pytest.raises(InputError, match="119 titles for 120 items"):
        _fit(titles=TITLES[:-1])


def test_the_file_of_knobs_holds_every_knob_and_the_defaults(tmp_path):
    assert read_config(DEFAULT_FILE) == TwoTowerConfig()
    text = DEFAULT_FILE.read_text()
    for knob in fields(TwoTowerConfig):
        line = next(row for row in text.splitlines() if row.startswith(f"{knob.name}:"))
        assert len(line.split("#", 1)[1]) > 20, knob.name
    for wrong in ("wdith: 3", "epochs: many", "epochs: 1.5", "- 1"):
        (tmp_path / "knobs.yaml").write_text(wrong)
        with pytest.raises(InputError):
            read_config(tmp_path / "knobs.yaml")
