"""A model of intents reads the scripts it was taught, whatever checkpoint it began from."""

import pytest
from tiny_encoder import tiny_checkpoint

from serving.intent_bundle import model_of
from training.encoder.checkpoint import load_encoder
from training.fine_tuning.config import FineTuning
from training.intent.lexicon import INTENTS
from training.intent.scripts import scripts_of, unread_because
from training.intent.train import SHIPPED, card_facts, read_queries, teach
from training.text_bundle import save_text_bundle

WORDS = {"buy": "买", "learn": "如何", "compare": "对比", "out_of_shop": "天气"}
GOODS = ("手机", "鞋", "咖啡", "书", "灯", "包")


@pytest.fixture(scope="module")
def taught_in_chinese(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chinese")
    rows = [(word + thing, label) for label, word in WORDS.items() for thing in GOODS]
    path = folder / "queries.tsv"
    lines = ["query\tlabel", *(f"{query}\t{label}" for query, label in rows * 3)]
    path.write_text("\n".join(lines), encoding="utf-8")
    letters = sorted(set("".join(query for query, _ in rows)))
    encoder = load_encoder(str(tiny_checkpoint(folder / "checkpoint", letters)))
    knobs = FineTuning(epochs=8, batch=8, learning_rate=3e-3, head_learning_rate=1e-2, length=16)
    taught = teach(path, encoder=encoder, knobs=knobs)
    return save_text_bundle(folder / "bundles", taught, facts=card_facts(path))


def test_a_checkpoint_of_another_script_answers_queries_in_it(taught_in_chinese):
    model = model_of(taught_in_chinese)
    assert model.scripts == ("CJK",)
    for label, word in WORDS.items():
        found = model.answer(f"{word}手机")
        assert (found.intent, found.parts["text"] is None) == (label, False)
        assert "script" not in found.unsure_because


def test_it_does_not_guess_at_the_script_it_was_not_taught(taught_in_chinese):
    found = model_of(taught_in_chinese).answer("buy red shoes")
    assert found.unsure_because == "the query is not in CJK script and does not count"
    assert set(found.probabilities.values()) == {1 / len(INTENTS)}


def test_the_shipped_queries_teach_latin_alone():
    assert card_facts()["scripts"] == ["LATIN"]
    assert len(read_queries(SHIPPED).texts.first) > 100
    assert unread_because("купить обувь") == "the query is not in Latin script and does not count"


def test_a_name_in_other_letters_teaches_no_script():
    texts = ["red shoes and blue boots"] * 20
    assert scripts_of([*texts, "忍"]) == ("LATIN",)
    assert scripts_of([*texts, *["купить красную обувь"] * 20]) == ("CYRILLIC", "LATIN")
    assert scripts_of(["42", ""]) == ("LATIN",)
    assert unread_because("red купить", ("CYRILLIC", "LATIN")) == ""
