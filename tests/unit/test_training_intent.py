"""One answer from two sources, of which either may be missing, with reasons that add up."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hostile_texts import ODD_TEXTS, STEERING
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.errors import InputError
from training.encoder.checkpoint import load_encoder
from training.fine_tuning.config import FineTuning
from training.fine_tuning.lesson import Lesson, Texts
from training.intent.acts import ACTS, ActModel, checked_acts, fit_acts
from training.intent.lexicon import INTENTS, lexicon_intents
from training.intent.model import IntentModel, learned_acts
from training.intent.scripts import unread_because
from training.intent.train import card_facts, default_knobs, read_queries, split_rows, teach
from training.text_tasks import card_facts_of


class ByRule:
    """A text model whose answers are known: the rules, nine to one."""

    def probabilities(self, texts: Texts, *, batch: int = 64) -> np.ndarray:
        found = np.full((len(texts), len(INTENTS)), 0.1 / 3, np.float32)
        found[np.arange(len(texts)), lexicon_intents(texts.first)] = 0.9
        return found


MODEL = IntentModel.beside(ByRule(), card_facts()["acts"])
COUNTS = st.dictionaries(st.sampled_from(ACTS), st.integers(0, 10**6))


@settings(deadline=None, max_examples=50)
@given(query=st.text(max_size=60), acts=COUNTS)
def test_probabilities_add_up_whatever_is_typed_and_done(query, acts):
    found = MODEL.answer(query, acts)
    assert abs(sum(found.probabilities.values()) - 1) < 1e-4
    assert found.probabilities[found.intent] == max(found.probabilities.values())


def test_either_source_may_be_missing():
    assert MODEL.answer("red shoes").intent == "buy"
    assert MODEL.answer(acts={"browse": 3, "click": 2, "cart": 3, "purchase": 1}).intent == "buy"
    assert len(set(MODEL.answer().probabilities.values())) == 1


def test_each_part_says_what_it_says_alone_and_a_silent_one_says_nothing():
    both = MODEL.answer("red shoes", {"click": 3})
    assert both.parts == {
        "text": MODEL.answer("red shoes").parts["text"],
        "acts": MODEL.answer(acts={"click": 3}).parts["acts"],
    }
    assert MODEL.answer("red shoes").parts["acts"] is None
    assert MODEL.answer(acts={"click": 3}).parts["text"] is None


@pytest.mark.parametrize("query", ["красные туфли", "紅い靴", "أحذية حمراء", "🍎", "!!!", "  "])
def test_a_query_that_cannot_be_read_does_not_count_and_is_told(query):
    alone, with_acts = MODEL.answer(query), MODEL.answer(query, {"cart": 2})
    assert "does not count" in alone.unsure_because
    assert len(set(alone.probabilities.values())) == 1
    assert with_acts.probabilities == MODEL.answer(acts={"cart": 2}).probabilities


def test_acts_that_are_all_zero_say_nothing():
    """A client that always sends the five counts, in a session that has only begun."""
    assert MODEL.answer("red shoes", dict.fromkeys(ACTS, 0)) == MODEL.answer("red shoes")


def test_latin_letters_with_accents_or_beside_others_are_read():
    for query in (
        "crème brûlée torch",
        "\uff53\uff48\uff4f\uff45",
        "iphone 15",
        "lego 忍者 set",
        "42",
    ):
        assert unread_because(query) == ""
    assert MODEL.answer("dyson vs shark").unsure_because == ""


def test_nothing_typed_and_nothing_done_is_unsure():
    assert MODEL.answer().unsure_because.startswith("no intent is likelier")


def test_acts_can_turn_what_was_typed_and_say_so():
    acts = {"browse": 12, "click": 25, "cart": 0, "review": 20}
    found = MODEL.answer("red shoes", acts)
    assert found.intent == "compare"
    assert found.reasons[0].source == "act"
    assert found.reasons[0].raised > 0


def test_the_word_that_made_a_comparison_is_the_first_reason():
    found = MODEL.answer("dyson vs shark")
    assert found.intent == "compare"
    assert (found.reasons[0].source, found.reasons[0].what) == ("word", "vs")


def test_a_reason_is_what_leaving_it_out_changes():
    whole, without = MODEL.answer("dyson vs shark"), MODEL.answer("dyson shark")
    odds = np.log(whole.probabilities["compare"] / (1 - whole.probabilities["compare"]))
    left = np.log(without.probabilities["compare"] / (1 - without.probabilities["compare"]))
    assert whole.reasons[0].raised == pytest.approx(odds - left, abs=1e-3)


@pytest.mark.parametrize(
    ("acts", "where"),
    [({"jump": 1}, "acts.jump"), ({"cart": -1}, "acts.cart"), ({"cart": True}, "acts.cart")],
)
def test_acts_that_cannot_be_are_named(acts, where):
    with pytest.raises(InputError) as refused:
        checked_acts(acts)
    assert refused.value.where == where


def test_rates_and_steps_are_the_means_and_shares_of_labelled_sessions():
    sessions = [["browse", "click"], ["browse"], ["browse", "click", "cart"], ["browse"]] * 500
    fitted = fit_acts(sessions, np.array([0, 1, 2, 3] * 500))
    np.testing.assert_allclose(fitted.rates[0], [1, 1, 0, 0, 0], atol=0.01)
    np.testing.assert_allclose(fitted.rates[2], [1, 1, 1, 0, 0], atol=0.01)
    start, click, cart = len(ACTS), ACTS.index("click"), ACTS.index("cart")
    assert fitted.steps[0, start, ACTS.index("browse")] > 0.99
    assert fitted.steps[2, click, cart] > 0.99
    np.testing.assert_allclose(fitted.steps.sum(axis=2), 1)


def test_the_order_of_acts_says_more_than_their_counts():
    one = MODEL.answer(in_order=["browse", "browse", "browse", "click"])
    other = MODEL.answer(in_order=["browse", "click", "browse", "browse"])
    assert one.probabilities != other.probabilities
    assert {reason.source for reason in one.reasons} == {"act", "order"}


def test_the_shipped_acts_know_every_intent_and_act():
    model, weights = learned_acts(card_facts()["acts"])
    assert isinstance(model, ActModel)
    assert model.rates.shape == (len(INTENTS), len(ACTS))
    assert model.steps.shape == (len(INTENTS), len(ACTS) + 1, len(ACTS))
    assert (model.rates > 0).all()
    assert (model.steps > 0).all()
    assert min(weights.text, weights.counts, weights.order) > 0


def test_what_was_learned_of_acts_goes_into_the_card_of_intent_alone():
    assert card_facts_of("intent", None) == card_facts()
    assert card_facts_of("sentiment", None) == {}


def test_reviews_and_second_looks_are_a_comparison_and_a_cart_is_a_purchase():
    assert MODEL.answer(acts={"browse": 1, "click": 4, "review": 3}).intent == "compare"
    assert MODEL.answer(acts={"browse": 2, "click": 2, "cart": 1}).intent == "buy"
    assert MODEL.answer(acts={"browse": 6, "click": 1}).intent == "learn"
    assert MODEL.answer(acts={"browse": 1}).intent == "out_of_shop"


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS.keys())
def test_odd_texts_have_an_answer(text):
    assert MODEL.answer(text, {"click": 1}).intent in INTENTS


def test_files_without_labelled_queries_are_refused_with_their_line(tmp_path):
    path = tmp_path / "queries.tsv"
    path.write_text("query\tlabel\nshoes\tbuy\nboots\tsell\n")
    with pytest.raises(InputError, match="'sell' is unknown") as refused:
        read_queries(path)
    assert "line 3" in refused.value.where
    path.write_text("words\nshoes\n")
    with pytest.raises(InputError, match="no labelled queries"):
        read_queries(path)


def test_a_file_from_a_spreadsheet_and_queries_with_quotes_are_read_row_by_row(tmp_path):
    path = tmp_path / "queries.tsv"
    path.write_text('\ufeffquery\tlabel\n"hello kitty\tbuy\nhow\u2028to\tlearn\n', encoding="utf-8")
    assert read_queries(path).texts.first == ('"hello kitty', "how\u2028to")


def test_equal_queries_teach_or_validate_but_not_both():
    texts = [f"query {number % 40}" for number in range(80)]
    lesson = Lesson(Texts(tuple(texts)), np.arange(80) % 4)
    learned, kept = split_rows(lesson, seed=0)
    assert sorted([*learned, *kept]) == list(range(80))
    assert not {texts[row] for row in learned} & {texts[row] for row in kept}


def test_a_label_with_one_query_is_named():
    lesson = Lesson(Texts(("a", "b", "c")), np.array([0, 0, 1]))
    with pytest.raises(InputError, match=f"one query of {INTENTS[1]}"):
        split_rows(lesson, seed=0)


@pytest.mark.parametrize("labels", [2, 3, 4])
def test_too_few_queries_for_their_labels_are_refused_with_the_least_number(labels):
    def lesson_of(size):
        texts = tuple(f"query {number}" for number in range(size))
        return Lesson(Texts(texts), np.arange(size) % labels)

    with pytest.raises(InputError, match=f"too few for {labels} labels") as refused:
        split_rows(lesson_of(2 * labels), seed=0)
    assert "validate" in refused.value.why
    least = int(re.search(r"at least (\d+)", refused.value.next_step)[1])
    with pytest.raises(InputError, match="too few"):
        split_rows(lesson_of(least - 1), seed=0)
    learned, kept = split_rows(lesson_of(least), seed=0)
    assert {row % labels for row in learned} == {row % labels for row in kept} == set(range(labels))


@pytest.mark.parametrize("each", [1, 2])
def test_a_file_of_too_few_queries_is_named(tmp_path, each):
    path = tmp_path / "queries.tsv"
    rows = [f"{label} query {number}\t{label}" for label in INTENTS for number in range(each)]
    path.write_text("query\tlabel\n" + "\n".join(rows))
    with pytest.raises(InputError) as refused:
        teach(path, encoder=load_encoder(), knobs=default_knobs())
    assert refused.value.where == str(path)
    assert refused.value.why
    assert refused.value.next_step


def test_the_shipped_knobs_are_read():
    assert isinstance(default_knobs(), FineTuning)


PLAIN = {
    "buy": "red leather ankle boots",
    "learn": "how to clean leather boots",
    "compare": "dyson vs shark",
    "out_of_shop": "weather tomorrow in paris",
}


def steered_labels(model, steering):
    """The intents of the plain queries with words after them, by the network alone."""
    found = model.probabilities(Texts(tuple(query + steering for query in PLAIN.values())))
    assert np.isfinite(found).all()
    return [INTENTS[label] for label in found.argmax(axis=1)]


@pytest.fixture(scope="module")
def quickly_taught():
    """The packaged encoder as it is, with a head that the shipped queries taught: four seconds."""
    knobs = replace(default_knobs(), method="frozen")
    return teach(None, encoder=load_encoder(), knobs=knobs).model


@pytest.mark.parametrize("steering", ["", *STEERING])
def test_a_text_that_steers_does_not_choose_the_label(quickly_taught, steering):
    assert steered_labels(quickly_taught, steering) == list(PLAIN)


@pytest.mark.parametrize("steering", STEERING)
def test_a_text_that_steers_does_not_choose_the_label_of_the_rules(steering):
    found = [MODEL.answer(query + steering).intent for query in PLAIN.values()]
    assert found == list(PLAIN)


@pytest.mark.slow
def test_a_text_that_steers_does_not_choose_the_label_of_the_network_as_it_ships():
    """Nor does it move the probability of any intent by more than one half."""
    model = teach(None, encoder=load_encoder(), knobs=default_knobs()).model
    plain = model.probabilities(Texts(tuple(PLAIN.values())))
    for steering in STEERING:
        assert steered_labels(model, steering) == list(PLAIN)
        moved = model.probabilities(Texts(tuple(query + steering for query in PLAIN.values())))
        assert np.abs(moved - plain).max() <= 0.5
