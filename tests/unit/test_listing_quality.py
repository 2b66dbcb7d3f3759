"""Listings are judged by what shows in them: planted truth, calibrated chances, named defects."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hostile_texts import ODD_TEXTS, STEERING
from hypothesis import given, settings
from hypothesis import strategies as st
from small_catalogue import catalogue

from governance.errors import InputError
from training.encoder.checkpoint import load_encoder
from training.listing_quality.catalogue_file import read_listings
from training.listing_quality.corruptions import CORRUPTIONS, plant
from training.listing_quality.evidence import evidence, learn_catalogue
from training.listing_quality.listing import DEFECTS, Listing, family_of
from training.listing_quality.mixes import Mix, mixed, weights
from training.listing_quality.model import Calibration
from training.listing_quality.model_file import load_quality, save_quality, source_digest
from training.listing_quality.planted import Sources
from training.listing_quality.rules import signs_of
from training.listing_quality.train import (
    QualityKnobs,
    read_quality_knobs,
    split,
    train,
)

STEERED = 0.05  # a text that asks for a good mark may not raise the chance of "good" by more
KNOBS = QualityKnobs(
    folds=2, calibration_share=0.3, trees=25, least_in_leaf=5, planted_per_listing=2, bad_share=0.6
)


@pytest.fixture(scope="module")
def items():
    return catalogue()


@pytest.fixture(scope="module")
def model(items):
    return train(items, KNOBS)


@pytest.mark.parametrize("defect", DEFECTS)
@pytest.mark.parametrize("is_unseen", [False, True])
def test_a_planted_defect_keeps_its_truth_and_is_the_same_for_the_same_seed(
    items, defect, is_unseen
):
    def planted():
        draw = np.random.default_rng(3)
        sources = Sources.of(items)
        found = [plant(defect, one, sources, draw, is_unseen=is_unseen) for one in items[:40]]
        return [one for one in found if one]

    if defect == "wrong_category" and is_unseen:
        return  # these data sheets share nothing, and the unseen form wants some
    first = planted()
    assert first
    assert first == planted()
    assert all(one.listing != one.original and one.defect == defect for one in first)
    assert all(one.listing.item_id == one.original.item_id for one in first)


def test_every_defect_of_the_list_can_be_planted():
    assert tuple(CORRUPTIONS) == DEFECTS


def test_listings_alike_but_for_size_and_colour_are_one_family_on_one_side(items):
    one = Listing("1", "Acme patch cable 3 m black", brand="Acme")
    other = replace(one, item_id="2", title="Acme patch cable 10 m blue")
    assert family_of(one) == family_of(other)
    kept, held = split(items, 0.3, seed=0)
    assert held
    assert not {family_of(x) for x in kept} & {family_of(x) for x in held}


def test_planted_defects_score_below_the_listings_they_were_planted_into(model, items):
    mix = mixed(catalogue(300, seed=9), Sources.of(items), share=0.5, seed=1)
    good, _ = model.chances(model.evidence(mix.listings))
    bad = mix.has("bad")
    assert good[~bad].mean() > 0.8 > 0.5 > good[bad].mean()


@pytest.mark.parametrize("defect", DEFECTS)
def test_every_defect_makes_a_listing_worse_and_is_named_before_others(model, items, defect):
    """A third of wrong brands change title and field alike: here every brand sells everything, so
    these leave no trace."""
    draw, sources = np.random.default_rng(3), Sources.of(items)
    found = [plant(defect, one, sources, draw) for one in catalogue(60, seed=9)]
    planted = [one for one in found if one][:40]
    worse = model.verdicts([one.listing for one in planted])
    whole = model.verdicts([one.original for one in planted])
    pairs = list(zip(worse, whole, strict=True))
    is_named = [defect in {one.name for one in verdict.defects[:2]} for verdict in worse]
    least = 0.6 if defect == "wrong_brand" else 0.9
    assert len(planted) == 40
    assert np.mean([bad.chance_good < good.chance_good - 0.5 for bad, good in pairs]) >= least
    assert np.mean(is_named) >= least
    assert not any(defect in {one.name for one in verdict.defects} for verdict in whole)


def test_a_named_defect_comes_with_what_shows_it(model, items):
    shouted = replace(items[0], title=items[0].title.upper())
    (verdict,) = model.verdicts([shouted])
    assert verdict.chance_good < 0.5
    named = {one.name: one for one in verdict.defects}
    assert named["shouting"].shown_by


def test_what_is_plain_to_see_is_named_even_where_the_catalogue_is_used_to_it(items):
    marked = [replace(one, title=f"{one.title} <br/>") if at % 8 == 0 else one
              for at, one in enumerate(items)]  # fmt: skip
    used_to_it = train(marked, replace(KNOBS, plain_weight=1.0))
    (verdict,) = used_to_it.verdicts([marked[0]])
    assert {one.name: one.shown_by for one in verdict.defects}["markup"] == ("<br/>",)


def test_only_an_original_with_a_plain_defect_counts_less(model, items):
    known = model.catalogue.known
    loud = replace(items[0], title=items[0].title.upper())
    given = Mix((items[0], loud, loud), (None, None, "shouting"))
    assert weights(given, known, 0.25).tolist() == [1.0, 0.25, 1.0]


@pytest.mark.pipeline
def test_the_same_seed_teaches_the_same_bytes(model, items):
    assert train(items, KNOBS).trees == model.trees


def test_a_saved_model_judges_alike_and_is_not_used_for_other_listings(model, items, tmp_path):
    path = tmp_path / "model.json"
    source = source_digest(items, KNOBS, "none")
    save_quality(path, model, source)
    again = load_quality(path, items, KNOBS, source, None)
    assert again.verdicts(items[:20]) == model.verdicts(items[:20])
    changed = source_digest(items[1:], KNOBS, "none")
    assert load_quality(path, items[1:], KNOBS, changed, None) is None


def test_a_shop_without_categories_and_brands_is_learned_and_judged(items):
    bare = [Listing(one.item_id, one.title) for one in items]
    found = evidence(bare, learn_catalogue(bare))
    assert len(found.values) == len(bare)


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS)
def test_odd_texts_get_a_chance_and_no_crash(model, text):
    odd = [Listing("1", text, text, "Acme"), Listing("2", "Acme patch cable", text, text, text)]
    assert all(0 <= one.chance_good <= 1 for one in model.verdicts(odd))


def steered_rise(model, items, steering):
    """How much more good a listing or a shouted one seems at most with words behind its title."""
    plain = items[:30] + [replace(one, title=one.title.upper()) for one in items[:9]]
    steered = [replace(one, title=one.title + steering) for one in plain]
    before, after = (
        np.array([one.chance_good for one in model.verdicts(given)]) for given in (plain, steered)
    )
    return (after - before).max()


@pytest.mark.parametrize("steering", STEERING)
def test_a_text_that_asks_for_a_good_mark_gains_none(model, items, steering):
    assert steered_rise(model, items, steering) <= STEERED


def test_nor_does_it_where_an_encoder_reads_the_listings(items):
    encoder, known = load_encoder(), {}

    def embed(texts):
        if new := [text for text in dict.fromkeys(texts) if text not in known]:
            known.update(zip(new, encoder.embed(new, length=48), strict=True))
        return np.stack([known[text] for text in texts])

    reading = train(items[:150], KNOBS, embed=embed)
    assert known
    assert max(steered_rise(reading, items, steering) for steering in STEERING) <= STEERED


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(0, 1)), min_size=2, max_size=8))
def test_a_calibration_never_falls(points):
    scores = tuple(sorted(score for score, _ in points))
    chances = tuple(sorted(chance for _, chance in points))
    found = Calibration(scores, chances)(np.linspace(-6, 6, 50).astype(np.float32))
    assert (np.diff(found) >= -1e-6).all()


def test_signs_name_the_very_words(model):
    known = model.catalogue.known
    loud = Listing("1", "Acme <b>patch cable</b> 10 m", "for the office", "Acme")
    assert signs_of(loud, known)["markup"] == ("<b>", "</b>")
    cut = replace(loud, title="Acme Standard patch cable 10 m for office desk")
    assert signs_of(cut, known)["truncation"] == ("desk",)


def write(path, **columns):
    pq.write_table(pa.table(columns), path)
    return path


def test_both_forms_of_file_are_read(tmp_path):
    sheet = json.dumps({"n_cable_length": 3.0, "b_wired": True})
    given = write(
        tmp_path / "products.parquet", id=["1"], title=["A"], short_description=[None],
        supplier=["Acme"], attributes=[sheet],
    )  # fmt: skip
    (one,) = read_listings(given)
    assert one.attributes == (("cable length", "3"), ("wired", "True"))
    assert read_listings(tmp_path) == [one]
    shop = write(
        tmp_path / "items.parquet", item_id=["7"], title=["Milk"], description=[None],
        brand=["National"], category_path=["Dairy > Milk"],
    )  # fmt: skip
    assert read_listings(shop)[0].kinds == ("Dairy", "Milk")


def test_a_file_without_a_column_says_which(tmp_path):
    path = write(tmp_path / "p.parquet", id=["1"], title=["A"], supplier=["B"])
    with pytest.raises(InputError, match="short_description"):
        read_listings(path)
    (tmp_path / "t.parquet").write_text("text")
    with pytest.raises(InputError, match="no Parquet"):
        read_listings(tmp_path / "t.parquet")


def test_the_knobs_of_the_file_are_read():
    assert read_quality_knobs() == QualityKnobs()
