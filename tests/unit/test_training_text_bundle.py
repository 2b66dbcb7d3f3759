"""A tuned model is the same after it was saved, and no file of a bundle is trusted unchecked."""

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from hostile_texts import ODD_TEXTS
from tiny_encoder import tiny_checkpoint

from governance.errors import InputError, StateError
from training.encoder.checkpoint import load_encoder
from training.fine_tuning.config import FineTuning
from training.fine_tuning.lesson import Head, Lesson, Span, Texts
from training.fine_tuning.taught import judge_taught
from training.fine_tuning.train import fine_tune
from training.text_bundle import CARD, TextBundle, open_text_bundle, save_text_bundle

WORDS = ("apple", "juice", "red", "shoe", "##s", "of", "leather", "how", "to", "clean", "buy")
HEAD = Head("intent", "classes", ("buy", "learn"))
KNOBS = FineTuning(epochs=2, batch=8, head_learning_rate=1e-2, precision="float32")
PAIRS = Texts(("buy red shoes", "how to clean", "apple"), ("shoes", "leather shoes of", "juice"))


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    torch.set_num_threads(1)
    return load_encoder(str(tiny_checkpoint(tmp_path_factory.mktemp("tiny"), WORDS)))


def _taught(encoder, method="full"):
    texts = Texts(("buy apple juice", "how to clean shoes", "buy shoes", "how to juice apples") * 6)
    lesson = Lesson(texts, np.array([0, 1, 0, 1] * 6))
    tuned = fine_tune(encoder, HEAD, lesson, lesson, replace(KNOBS, method=method))
    return judge_taught(tuned, lesson)


@pytest.fixture(scope="module")
def folder(encoder, tmp_path_factory):
    shelf = tmp_path_factory.mktemp("bundles")
    return save_text_bundle(shelf, _taught(encoder), facts={"seed": 0}).folder


@pytest.mark.parametrize("method", ["full", "lora", "prefix", "frozen"])
def test_a_saved_model_answers_as_before(encoder, tmp_path, method):
    taught = _taught(encoder, method)
    bundle = save_text_bundle(tmp_path, taught, facts={"seed": 0})
    loaded = open_text_bundle(bundle.folder).model()
    texts = Texts(tuple(ODD_TEXTS.values()))
    for asked in (texts, PAIRS):
        expected = taught.model.probabilities(asked)
        np.testing.assert_allclose(loaded.probabilities(asked), expected, atol=1e-6)
        rough = open_text_bundle(bundle.folder).int8().probabilities(asked)
        np.testing.assert_allclose(rough, expected, atol=0.05)
    assert not any("lora" in name for name in loaded.network.state_dict())


def test_the_card_tells_what_was_learned_and_what_8_bits_cost(folder):
    card = open_text_bundle(folder).card
    assert folder.parent.name == "intent"
    assert folder.name == card["version"] == card["digest"][:12]
    assert card["metrics"]["macro_f1"] == pytest.approx(card["int8"]["macro_f1_float"])
    lost = card["int8"]["macro_f1_float"] - card["int8"]["macro_f1_int8"]
    assert card["int8"]["macro_f1_lost"] == pytest.approx(lost)
    assert card["seed"] == 0


def test_the_same_training_gives_the_same_version_wherever_the_encoder_lies(encoder, tmp_path):
    other = load_encoder(str(tiny_checkpoint(tmp_path / "elsewhere", WORDS)))
    bundles = [
        save_text_bundle(tmp_path / str(n), _taught(one), facts={})
        for n, one in enumerate((encoder, other))
    ]
    assert bundles[0].version == bundles[1].version
    text = "".join(p.read_text() for p in bundles[1].folder.glob("*.json"))
    assert str(tmp_path) not in text


def test_what_stands_already_is_not_moved_but_becomes_the_newest(encoder, tmp_path):
    """A kill can then never leave a version's name without its folder."""
    taught = _taught(encoder)
    first = save_text_bundle(tmp_path, taught, facts={}).folder
    os.utime(first / CARD, (0, 0))
    inode = first.stat().st_ino
    again = save_text_bundle(tmp_path, taught, facts={}).folder
    assert (again, again.stat().st_ino) == (first, inode)
    assert (again / CARD).stat().st_mtime > 0


@pytest.mark.parametrize("name", ["network.safetensors", "tokenizer.json", "int8.onnx", CARD])
def test_a_changed_file_is_refused(folder, tmp_path, name):
    copy = shutil.copytree(folder, tmp_path / folder.name)
    if name == CARD:
        card = json.loads((copy / CARD).read_text())
        (copy / CARD).write_text(json.dumps(card | {"metrics": {"macro_f1": 1.0}}))
    else:
        (copy / name).write_bytes((copy / name).read_bytes()[:-1] + b"x")
    with pytest.raises(InputError, match="cannot be trusted"):
        open_text_bundle(copy)


def test_a_file_that_does_not_belong_is_refused(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / folder.name)
    (copy / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(InputError, match="cannot be trusted") as refused:
        open_text_bundle(copy)
    assert "pytorch_model.bin" in refused.value.where


def test_another_digest_than_the_released_one_is_refused(folder):
    with pytest.raises(InputError, match="cannot be trusted"):
        open_text_bundle(folder, digest="0" * 64)


def test_a_head_of_tokens_is_saved_with_its_int8_model_too(encoder, tmp_path):
    head = Head("thing", "tokens", ("thing",))
    lesson = Lesson(Texts(("buy red shoes",) * 4), spans=((Span(8, 13, "thing"),),) * 4)
    taught = judge_taught(fine_tune(encoder, head, lesson, lesson, KNOBS), lesson)
    bundle = save_text_bundle(tmp_path, taught, facts={})
    ((places, chances),) = bundle.model().token_probabilities(["buy red shoes"])
    ((expected, wanted),) = taught.model.token_probabilities(["buy red shoes"])
    assert places.tolist() == expected.tolist()
    np.testing.assert_allclose(chances, wanted, atol=1e-6)
    ((_, rough),) = bundle.int8().token_probabilities(["buy red shoes"])
    np.testing.assert_allclose(rough, wanted, atol=0.05)
    lost = bundle.card["int8"]
    assert (lost["examples"], lost["answers"]) == (4, 16)  # buy, red, shoe, ##s: tokens answer
    assert lost["macro_f1_float"] == pytest.approx(bundle.card["metrics"]["macro_f1"])


def test_a_validation_of_empty_texts_alone_says_nothing_of_8_bits(encoder, tmp_path):
    head = Head("thing", "tokens", ("thing",))
    lesson = Lesson(Texts(("buy red shoes",) * 4), spans=((Span(8, 13, "thing"),),) * 4)
    tuned = fine_tune(encoder, head, lesson, lesson, replace(KNOBS, epochs=1))
    taught = judge_taught(tuned, Lesson(Texts(("", " ")), spans=((), ())))
    lost = save_text_bundle(tmp_path, taught, facts={}).card["int8"]
    assert (lost["answers"], lost["macro_f1_lost"]) == (0, 0)


def test_a_bundle_of_before_without_an_int8_model_says_how_to_get_one(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / folder.name)
    (copy / "int8.onnx").unlink()
    with pytest.raises(StateError, match="no int8 model"):
        TextBundle(copy, json.loads((copy / CARD).read_text())).int8()
