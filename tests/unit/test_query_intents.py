"""Intents of queries come from the model that was taught here, as it is served, else from rules."""

import numpy as np
import pytest
import torch
from hostile_texts import ODD_TEXTS
from tiny_encoder import tiny_checkpoint

from flows.query_intents import read_intents
from governance.errors import StateError
from governance.settings import Settings
from serving.intent_bundle import model_of
from training.encoder.checkpoint import load_encoder
from training.fine_tuning.config import FineTuning
from training.fine_tuning.lesson import Lesson, Texts
from training.fine_tuning.taught import judge_taught
from training.fine_tuning.train import fine_tune
from training.intent.lexicon import INTENTS, lexicon_intents
from training.intent.model import HEAD
from training.intent.train import card_facts
from training.text_bundle import open_text_bundle, save_text_bundle

TAUGHT = ("milk", "how to cook oats", "oat or rye", "weather")  # one of each intent
QUERIES = ["milk", "how to cook rye", "rye or oat", "oat milk", "молоко"]
QUIET = lambda text: None  # noqa: E731


@pytest.fixture(scope="module")
def lesson_learned(tmp_path_factory):
    torch.set_num_threads(1)
    words = ["milk", "how", "to", "cook", "oat", "or", "rye", "weather"]
    encoder = load_encoder(str(tiny_checkpoint(tmp_path_factory.mktemp("tiny"), words)))
    lesson = Lesson(Texts(TAUGHT * 6), np.array([0, 1, 2, 3] * 6))
    knobs = FineTuning(epochs=1, batch=8, precision="float32")
    return judge_taught(fine_tune(encoder, HEAD, lesson, lesson, knobs), lesson)


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path, threads=1)


def by_rules(queries):
    return [INTENTS[place] for place in lexicon_intents(queries)]


def test_without_a_model_the_rules_judge_and_say_so(settings):
    found = read_intents(settings, QUERIES, QUIET)
    assert (found.names, found.said, found.model) == (by_rules(QUERIES), "intents by rules", "")
    assert "no searches" in read_intents(settings, [], QUIET).said


def test_the_model_says_what_it_would_say_when_served(settings, lesson_learned):
    bundle = save_text_bundle(settings.bundles_dir, lesson_learned, facts=card_facts())
    queries = [*QUERIES, *ODD_TEXTS.values()]
    found = read_intents(settings, queries, QUIET)
    assert found.said == f"intents by model {bundle.version}"
    served = model_of(open_text_bundle(bundle.folder))
    for query, intent, rule in zip(queries, found.names, by_rules(queries), strict=True):
        chances = served.of_text(query)
        wanted = rule if chances is None else max(chances, key=lambda name: chances[name])
        assert intent == wanted, query
    assert served.of_text("молоко") is None  # so that the rules had their turn


def test_a_query_is_read_once(settings, lesson_learned):
    save_text_bundle(settings.bundles_dir, lesson_learned, facts=card_facts())
    told = []
    first = read_intents(settings, QUERIES, told.append)
    again = read_intents(settings, [*QUERIES, "tea"], told.append)
    assert told == ["5 of 5 new queries read", "1 of 1 new queries read"]
    assert again.names[:5] == first.names


def test_a_bundle_that_cannot_be_served_is_refused_with_what_to_do(settings, lesson_learned):
    save_text_bundle(settings.bundles_dir, lesson_learned, facts={})
    with pytest.raises(StateError, match="knows no acts"):
        read_intents(settings, QUERIES, QUIET)
