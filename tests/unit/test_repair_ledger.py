"""A repair is applied by a named person only, and taking it back brings the exact text."""

import json
from itertools import pairwise

import pytest
from hostile_texts import ODD_TEXTS
from hypothesis import given
from hypothesis import settings as with_settings
from hypothesis import strategies as st
from sqlmodel import Session, create_engine, select

from governance.errors import InputError, StateError
from governance.records import ListingRepair, ListingText, migrate
from governance.repair_ledger import (
    Repair,
    accept,
    propose,
    reject,
    revert,
    states,
    texts_now,
)


def store():
    engine = create_engine("sqlite://")
    migrate(engine)
    return Session(engine)


def repair(before, after, *, field="title"):
    return Repair("1", field, "spelling", before, after, "because", 0.9)


def put(records, *repairs):
    return propose(records, "shop", repairs, model_digest="d", actor="rules")


def held(records):
    return {key: found.text for key, found in texts_now(records, "shop").items()}


def test_an_accepted_repair_stands_beside_the_raw_text_and_says_so():
    with store() as records:
        (one,) = put(records, repair("Tonr", "Toner"))
        assert held(records) == {}
        row = accept(records, one, actor="ann", raw="Tonr")
        assert (json.loads(row.raw_json), row.is_repaired) == ("Tonr", True)
        assert held(records) == {("1", "title"): "Toner"}
        events = [(r.event, r.actor) for r in records.exec(select(ListingRepair))]
        assert events == [("proposed", "rules"), ("accepted", "ann"), ("applied", "ann")]


@pytest.mark.parametrize("raw", [*ODD_TEXTS.values(), None])
def test_reverting_brings_back_every_byte_even_of_odd_texts(raw):
    with store() as records:
        (one,) = put(records, repair(raw, "Toner"))
        accept(records, one, actor="ann", raw=raw)
        row = revert(records, one, actor="bob")
        assert json.loads(row.value_json) == raw
        assert not row.is_repaired
        assert held(records) == {}


def test_a_repair_of_a_text_that_has_changed_is_refused():
    with store() as records:
        (one,) = put(records, repair("Tonr", "Toner"))
        with pytest.raises(StateError, match="another text"):
            accept(records, one, actor="ann", raw="Tonr black")
        assert states(records, "shop")[one].event == "proposed"


def test_a_text_that_the_shop_wrote_anew_is_repaired_from_anew():
    """The old repair says what it was made from, and stands in no newer one's way."""
    with store() as records:
        old, new = put(records, repair("Tonr", "Toner"), repair("HP 85A blck", "HP 85A black"))
        accept(records, old, actor="ann", raw="Tonr")
        assert texts_now(records, "shop")["1", "title"].raw == "Tonr"
        with pytest.raises(StateError, match="another text"):
            accept(records, new, actor="ann", raw="Tonr")
        accept(records, new, actor="ann", raw="HP 85A blck")
        found = texts_now(records, "shop")["1", "title"]
        assert (found.text, found.raw) == ("HP 85A black", "HP 85A blck")


def test_a_rejected_repair_is_neither_applied_nor_proposed_again():
    with store() as records:
        (one,) = put(records, repair("Tonr", "Toner"))
        reject(records, one, actor="ann")
        assert put(records, repair("Tonr", "Toner")) == []
        with pytest.raises(StateError, match="cannot be accepted"):
            accept(records, one, actor="ann", raw="Tonr")


def test_an_id_that_was_never_proposed_is_an_input_error():
    with store() as records, pytest.raises(InputError, match="no repair"):
        revert(records, "nothing", actor="ann")


def test_only_the_newest_repair_of_a_text_comes_off():
    with store() as records:
        first, second = put(records, repair("a", "b"), repair("b", "c"))
        accept(records, first, actor="ann", raw="a")
        accept(records, second, actor="ann", raw="a")
        with pytest.raises(StateError, match="not the newest"):
            revert(records, first, actor="ann")
        revert(records, second, actor="ann")
        assert held(records) == {("1", "title"): "b"}


TEXTS = st.text(max_size=6) | st.none()


@with_settings(max_examples=25, deadline=None)
@given(
    chain=st.lists(TEXTS, min_size=2, max_size=4),
    moves=st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=8),
)
def test_any_sequence_of_applying_and_reverting_ends_in_the_original(chain, moves):
    raw = chain[0]
    with store() as records:
        steps = [repair(a, b) for a, b in pairwise(chain) if a != b]
        ids = put(records, *steps)
        for place, is_applied in moves:
            if place < len(ids):
                try_to(records, ids[place], raw, is_applied=is_applied)
        for _ in ids:
            for one in ids:
                try_to(records, one, raw, is_applied=False)
        assert held(records) == {}
        newest = records.exec(select(ListingText).order_by(ListingText.id.desc())).first()
        assert newest is None or json.loads(newest.value_json) == raw


def try_to(records, one, raw, *, is_applied):
    try:
        if is_applied:
            accept(records, one, actor="ann", raw=raw)
        else:
            revert(records, one, actor="ann")
    except StateError:
        pass
