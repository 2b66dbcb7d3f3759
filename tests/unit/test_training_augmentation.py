"""Augmentation changes words at its rates, always the same way, and never loses a text."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.fine_tuning.augmentation import augmented, is_augmented, rewritten
from training.fine_tuning.config import FineTuning
from training.fine_tuning.lesson import Texts

RATES = st.floats(0, 1)
TEXTS = st.lists(st.text("abcdefgh", min_size=1), min_size=1).map(" ".join)


def _rewritten(text, **rates):
    return rewritten(text, FineTuning(**rates), np.random.default_rng(0))


@given(TEXTS, RATES, RATES, RATES)
def test_a_text_keeps_a_word_at_least_and_gains_no_letter(text, drop, swap, misspell):
    found = _rewritten(text, drop_words=drop, swap_words=swap, misspell=misspell)
    assert found.strip()
    left = sorted(found.replace(" ", ""))
    assert all(left.count(letter) <= text.count(letter) for letter in set(left))


@given(TEXTS)
def test_without_rates_nothing_changes(text):
    assert _rewritten(text) == text
    assert not is_augmented(FineTuning())


@given(TEXTS)
def test_misspelling_keeps_every_words_place(text):
    found = _rewritten(text, misspell=1.0)
    assert [len(word) for word in found.split(" ")] == [len(word) for word in text.split(" ")]


def test_swapping_keeps_every_word():
    text = "red leather shoes for men"
    found = _rewritten(text, swap_words=0.9)
    assert found != text
    assert sorted(found.split()) == sorted(text.split())


def test_what_a_row_becomes_depends_on_seed_epoch_and_row_only():
    texts = Texts(("red leather shoes for men", "apple juice from red apples"))
    knobs = FineTuning(drop_words=0.3, misspell=0.5)
    both = augmented(texts, [4, 9], knobs, 2).first
    assert augmented(texts.take([1]), [9], knobs, 2).first == both[1:]
    assert augmented(texts, [4, 9], knobs, 3).first != both
