"""What people write becomes one form that a model may read."""

import unicodedata

import pytest
from hostile_texts import ODD_TEXTS
from hypothesis import given
from hypothesis import strategies as st

from training.encoder.readable import MOST_CHARACTERS, readable

TEXTS = st.one_of(st.text(), st.sampled_from(list(ODD_TEXTS.values())), st.text(st.characters()))


@given(TEXTS)
def test_reading_twice_is_reading_once(text):
    assert readable(readable(text)) == readable(text)


@given(TEXTS)
def test_nothing_invisible_stays_and_white_space_is_single(text):
    found = readable(text)
    assert not {unicodedata.category(c) for c in found} & {"Cf", "Cc", "Cs", "Co", "Cn"}
    assert found == " ".join(found.split())
    assert len(found) <= MOST_CHARACTERS


@given(st.text(), st.sampled_from(["\u200b", "\ufeff", "\u202e", "\u2066", "\x00"]))
def test_unseen_characters_around_a_text_change_nothing(text, unseen):
    assert readable(unseen + text + unseen) == readable(text)


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"])))
def test_plain_text_stays_but_for_its_spaces(text):
    assert readable(text) == " ".join(text.split())


@pytest.mark.parametrize("value", [None, float("nan"), 3, b"x", "", " \n\t"])
def test_what_is_no_text_is_empty(value):
    assert readable(value) == ""


def test_forms_of_one_character_become_one():
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in "APPLE")
    assert readable(f"{wide}\u3000juice") == "APPLE juice"
    assert readable("cafe\u0301") == readable("caf\u00e9")
