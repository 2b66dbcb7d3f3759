"""Teaching an encoder from clicks: what is seldom seen counts more, and an item is no own rival."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hostile_texts import ODD_TEXTS, STEERING
from tiny_encoder import tiny_checkpoint

from governance.errors import InputError
from training.encoder.checkpoint import load_encoder
from training.fine_tuning.config import FineTuning
from training.fine_tuning.lesson import Texts
from training.simulator.config import SimulatorConfig
from training.text_search.catalogue import Catalogue, Product
from training.text_search.clicks import Click, Pairs, click_weights, split_by_time
from training.text_search.config import SearchKnobs
from training.text_search.cross_encoder import cross_lesson, teach_cross
from training.text_search.dense import embed
from training.text_search.encoder_file import save_encoder
from training.text_search.fine_tune import fine_tune_dense, judged_loss
from training.text_search.index import SearchIndex
from training.text_search.judged import Judged
from training.text_search.lexical import Lexical
from training.text_search.query_encoder import QueryEncoder

LEFT = ("red", "blue", "oak", "desk", "usb", "lamp")
RIGHT = ("apple", "pear", "plum", "grape", "melon", "peach")
PAIRED = [f"{left} {right}" for left, right in zip(LEFT, RIGHT, strict=True)]
KNOBS = FineTuning(epochs=12, batch=6, length=8, learning_rate=3e-3, patience=12)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    torch.set_num_threads(1)
    return load_encoder(str(tiny_checkpoint(tmp_path_factory.mktemp("tiny"), (*LEFT, *RIGHT))))


def _pairs(queries, products, weights=None):
    count = np.ones(len(queries), np.float32) if weights is None else np.array(weights, np.float32)
    return Pairs(tuple(queries), tuple(products), tuple(products), count)


def test_a_click_far_down_weighs_more_and_never_more_than_the_ceiling():
    clicks = [Click("lamp", "a", position) for position in (1, 10, 12, 40)]
    weights = click_weights(clicks, SimulatorConfig().propensities(), most=7.0)
    assert weights[0] == 1
    assert weights[1] == pytest.approx(10**0.8, rel=1e-5)
    assert weights[2:].tolist() == [7.0, 7.0]


@pytest.mark.parametrize("propensities", [(), (0.0,), (1.5,), (float("nan"),)])
def test_propensities_that_are_no_chances_are_refused(propensities):
    with pytest.raises(InputError, match="no chances"):
        click_weights([Click("lamp", "a")], propensities)


def test_judged_clicks_come_later_than_taught_ones_and_ask_what_was_not_asked():
    clicks = [Click(f"q{at % 7}", "a", at=float(-at)) for at in range(20)]
    clicks.append(Click("new", "b", at=9.0))
    earlier, later = split_by_time(clicks, 0.2)
    assert [click.query for click in later] == ["new"]
    assert max(click.at for click in earlier) < later[0].at


def test_what_was_clicked_comes_nearer_to_its_query(encoder):
    pairs = _pairs(LEFT, RIGHT)
    tuned = fine_tune_dense(encoder, pairs, pairs, KNOBS)
    assert judged_loss(tuned.encoder, pairs, KNOBS) < 0.5 * judged_loss(encoder, pairs, KNOBS)
    assert tuned.encoder.digest != encoder.digest


def test_the_same_seed_gives_the_same_bytes(encoder):
    runs = [fine_tune_dense(encoder, _pairs(LEFT, RIGHT), None, KNOBS).encoder for _ in range(2)]
    first, second = (run.network.state_dict() for run in runs)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert runs[0].digest == runs[1].digest


def test_a_product_is_no_negative_of_itself(encoder):
    same = _pairs(("red", "blue"), ("apple", "apple"))
    assert judged_loss(encoder, same, KNOBS) == pytest.approx(0, abs=1e-6)


def test_the_correction_finds_what_is_relevant_where_positions_would_mislead(encoder):
    """Of 20 lists each is looked at in position 1 and 3 at position 10, as the simulator's shoppers
    do. Whoever looks clicks the query's own product, far down, in 9 of 10 cases, and its rival, on
    top, in 6. Counted alike, clicks put the rival nearer; weighed, the own product.
    """
    propensities = SimulatorConfig().propensities()
    shown = [
        (0, 10, 0.9),
        (-1, 1, 0.6),
    ]  # product beside the own one, position, chance if looked at
    clicks = [
        Click(query, RIGHT[at + shift], position)
        for at, query in enumerate(LEFT)
        for shift, position, chance in shown
        for _ in range(round(20 * propensities[position - 1] * chance))
    ]
    queries, products = [c.query for c in clicks], [c.item_id for c in clicks]
    knobs = replace(KNOBS, batch=30)
    nearer = {}
    for name, weights in (("plain", None), ("corrected", click_weights(clicks, propensities))):
        tuned = fine_tune_dense(encoder, _pairs(queries, products, weights), None, knobs).encoder
        near = tuned.embed(LEFT) @ tuned.embed(RIGHT).T
        nearer[name] = float(np.mean([near[at, at] - near[at, at - 1] for at in range(6)]))
    assert nearer["corrected"] > 0 > nearer["plain"]


@pytest.mark.parametrize(("bits", "nearness"), [(32, 0.9999), (8, 0.98)])
def test_a_query_encoder_gives_the_same_vectors_and_nearly_so_with_8_bits(encoder, bits, nearness):
    quick = QueryEncoder.of(encoder, length=16, bits=bits)
    texts = ["red lamp", "", "oak desk with usb"]
    exact, found = encoder.embed(texts, length=16), quick.embed(texts, length=16)
    assert not found[1].any()
    assert (exact[[0, 2]] * found[[0, 2]]).sum(axis=1).min() > nearness
    assert quick.digest == encoder.digest


def test_a_taught_encoder_is_loaded_as_it_was_saved(encoder, tmp_path):
    tuned = fine_tune_dense(encoder, _pairs(LEFT, RIGHT), None, KNOBS).encoder
    first = save_encoder(tmp_path / "a", tuned)
    tuned.embed(LEFT, length=5)  # a fast tokenizer remembers how it was asked last
    second = save_encoder(tmp_path / "b", tuned)
    assert first.digest == second.digest != encoder.digest
    np.testing.assert_array_equal(first.embed(LEFT), tuned.embed(LEFT))


def _index(encoder, titles):
    catalogue = Catalogue.of([Product(f"i{at}", title) for at, title in enumerate(titles)])
    texts = catalogue.texts("title")
    vectors = embed(encoder, texts, length=16).astype(np.float32)
    return SearchIndex(catalogue, Lexical.of(texts), vectors, encoder)


@pytest.fixture(scope="module")
def cross(encoder):
    """A cross-encoder that was taught which of six products a word belongs to."""
    index = _index(encoder, PAIRED)
    judged = [Judged(word, {f"i{at}": 1.0}) for at, word in enumerate(LEFT)]
    lesson = cross_lesson(index, judged)
    assert lesson.labels.sum() == len(LEFT)
    return teach_cross(encoder, lesson, FineTuning(epochs=2, length=32)).model


def test_a_cross_encoder_reads_the_best_again_and_every_hit_says_what_it_thought(encoder, cross):
    index = _index(encoder, PAIRED)
    hits = replace(index, cross=cross).search("red oak", k=4)
    assert all(0 <= hit.cross_score <= 1 for hit in hits)
    assert len(hits) == 4
    again = replace(index, cross=cross, knobs=SearchKnobs(cross_depth=2, cross_weight=1.0))
    plain, read = index.search("red oak", k=6), again.search("red oak", k=6)
    assert [hit.cross_score is None for hit in read] == [False] * 2 + [True] * 4
    assert {hit.item_id for hit in read[:2]} == {hit.item_id for hit in plain[:2]}
    assert read[0].cross_score >= read[1].cross_score
    assert [hit.item_id for hit in read[2:]] == [hit.item_id for hit in plain[2:]]
    scores = [hit.score for hit in read]
    assert scores == sorted(scores, reverse=True), "one shopper's order is made of these"
    assert all(hit.cross_score is None for hit in again.search("red oak", fusion="dense"))


def test_a_text_that_many_products_have_is_read_again_once_and_ranks_as_one(encoder):
    products = [Product(f"i{at:02d}", "red apple" if at < 30 else f"{RIGHT[at % 6]} {at}")
                for at in range(36)]  # fmt: skip
    catalogue = Catalogue.of(products)
    texts = catalogue.texts("title")
    vectors = embed(encoder, texts, length=16).astype(np.float32)
    index = SearchIndex(catalogue, Lexical.of(texts), vectors, encoder)
    lesson = cross_lesson(index, [Judged("red", {f"i{at:02d}": 1.0 for at in range(30)})])
    assert lesson.texts.second.count("red apple") == 1
    tuned = teach_cross(encoder, lesson, FineTuning(epochs=1, length=16))
    hits = replace(index, cross=tuned.model, knobs=SearchKnobs(cross_depth=4)).search("red", k=36)
    read = [hit for hit in hits if hit.cross_score is not None]
    assert len({hit.title for hit in read}) == 4
    assert len({hit.cross_score for hit in read if hit.title == "red apple"}) == 1
    assert sum(hit.title == "red apple" for hit in read) == 30


def test_odd_titles_and_queries_have_a_cross_score_and_no_crash(encoder, cross):
    index = replace(_index(encoder, [*PAIRED, *ODD_TEXTS.values()]), cross=cross)
    for query in ("red oak", *ODD_TEXTS.values()):
        hits = index.search(query, k=len(PAIRED) + len(ODD_TEXTS))
        assert all(0 <= hit.cross_score <= 1 for hit in hits)
        assert hits or not query.strip()


@pytest.mark.parametrize("steering", STEERING)
def test_steering_words_in_a_title_raise_what_the_cross_encoder_says_by_at_most_a_quarter(
    cross, steering
):
    """An untaught network of two layers, six queries: .20 was the largest rise."""

    def said(titles):
        return cross.probabilities(Texts(LEFT, tuple(titles)))[:, -1]

    for titles in (PAIRED, [*PAIRED[1:], PAIRED[0]]):
        steered = said([title + steering for title in titles])
        assert np.abs(steered - said(titles)).max() <= 0.25


@pytest.mark.parametrize("steering", STEERING)
def test_steering_words_in_a_title_raise_its_nearness_to_other_queries_by_at_most_a_fifth(steering):
    """Of 1,500 listings of a real catalogue the largest rise of a cosine was .17."""
    torch.set_num_threads(1)
    packaged = load_encoder()
    titles = ["Red oak desk lamp, 40 W", "USB-C charging cable 2 m", "Organic pear juice 1 l",
              "Wireless keyboard with numeric pad", "Dog food with chicken 10 kg"]  # fmt: skip
    queries = ["laptop", "garden hose", "cheap phone", "blue curtains", "coffee machine"]
    asked = packaged.embed(queries)
    plain, steered = (
        embed(packaged, some, length=64).astype(np.float32) @ asked.T
        for some in (titles, [title + steering for title in titles])
    )
    assert (steered - plain).max() <= 0.2
