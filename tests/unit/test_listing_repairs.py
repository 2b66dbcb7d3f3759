"""Repairs are proposed where something is wrong, leave right listings alone, and obey no text."""

from dataclasses import replace

import pytest
from hostile_texts import ODD_TEXTS, STEERING
from hypothesis import given, settings
from hypothesis import strategies as st
from small_catalogue import catalogue

from training.attributes.model import Extractor
from training.attributes.rules_file import read_rules
from training.listing_quality.evidence import learn_catalogue
from training.listing_quality.listing import Listing
from training.listing_repairs.knowledge import Knowledge, learn_habits
from training.listing_repairs.model import mend, propose, repaired
from training.listing_repairs.writing import with_units, without_markup, without_repetition

ITEMS = catalogue()
ONE = ITEMS[0]
SHIPPED = Extractor(read_rules())
FEW = Knowledge(learn_catalogue(ITEMS[:50]), learn_habits(ITEMS[:50]))


@pytest.fixture(scope="module")
def knowledge():
    return Knowledge(learn_catalogue(ITEMS), learn_habits(ITEMS))


def kinds(listing, knowledge):
    return {one.kind for one in propose(listing, knowledge)}


def test_right_listings_are_left_alone(knowledge):
    assert all(not propose(one, knowledge) for one in ITEMS)


@pytest.mark.parametrize(
    ("kind", "worse"),
    [
        ("spelling", lambda one: one.title.replace("black", "balck")),
        ("shouting", lambda one: one.title.upper()),
        ("markup", lambda one: f"<b>{one.title}</b>"),
        ("repetition", lambda one: f"{one.title} {one.title}"),
        ("brand", lambda one: one.title.removeprefix(f"{one.brand} ")),
    ],
)
def test_a_spoilt_title_is_mended_with_a_reason(knowledge, kind, worse):
    spoilt = replace(ONE, title=worse(ONE))
    mended, applied = mend(spoilt, knowledge)
    assert mended.title.casefold() == ONE.title.casefold()
    assert kind in {one.kind for one in applied}
    assert all(one.reason and 0 < one.confidence < 1 for one in applied)


def test_where_titles_are_in_capitals_they_are_no_shouting():
    shop = [replace(one, title=one.title.upper()) for one in ITEMS]
    loud = Knowledge(learn_catalogue(shop), learn_habits(shop))
    assert "shouting" in loud.catalogue.known.usual
    assert not {kind for one in shop for kind in kinds(one, loud)}
    (offer,) = propose(replace(shop[0], title=f"{shop[0].title}!!!"), loud)
    assert (offer.kind, offer.after) == ("shouting", shop[0].title)


def test_a_few_titles_in_capitals_are_shouting_where_the_others_are_not():
    few = [replace(one, title=one.title.upper()) for one in ITEMS[:100]]
    shop = Knowledge(learn_catalogue([*few, *ITEMS[100:]]), learn_habits([*few, *ITEMS[100:]]))
    assert all("shouting" in kinds(one, shop) for one in few)


def test_a_long_description_is_left_alone_and_the_title_is_still_mended(knowledge):
    spoilt = replace(ONE, title=ONE.title.replace("black", "balck"), description="word " * 300)
    assert {one.field for one in propose(spoilt, knowledge)} == {"title"}


def test_an_empty_brand_is_read_from_the_title(knowledge):
    assert mend(replace(ONE, brand=""), knowledge)[0] == ONE


def test_a_bare_code_gets_a_title_from_brand_and_description(knowledge):
    bare = replace(ONE, title="XK2040B")
    (proposal,) = [one for one in propose(bare, knowledge) if one.kind == "template"]
    assert proposal.after.startswith(f"{ONE.brand} XK2040B ")
    assert proposal.confidence < 0.8


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("disk 500gb", "disk 500 GB"),
        ("juice 1,5 ML", "juice 1.5 ml"),
        ("bus 333Mhz", "bus 333 MHz"),
        ("link 100 Mb", "link 100 Mb"),
        ("code X500gb7", "code X500gb7"),
        ("paper 20,000 kg", "paper 20,000 kg"),
    ],
)
def test_units_are_written_one_way_and_never_mean_another(text, right):
    assert with_units(text, learn_habits(ITEMS)) == right


def test_markup_and_repetition_go_and_nothing_else():
    assert without_markup("90&deg; angle<br/>cable") == "90° angle cable"
    assert without_markup("NEMA 5-15P -> 1 NEMA & more") == "NEMA 5-15P -> 1 NEMA & more"
    assert without_repetition("1 x RJ-45, 1 x RJ-45 red") == "1 x RJ-45, 1 x RJ-45 red"


def added(title, knowledge, known=()):
    """The attribute repairs of a title by the rules as shipped: field and value."""
    found = propose(Listing("1", title, brand="Acme", attributes=known), knowledge, SHIPPED)
    return {one.field: one.after for one in found if one.kind == "attribute"}


@pytest.mark.parametrize(
    ("title", "field", "value"),
    [
        ("Acme patch cable 3 m", "attributes.length", "3 m"),
        ("Acme patch cable 10 ft networking cable 3.0 m", "attributes.length", "3.048 m"),
        ("Acme memory module 2.4 GHz", "attributes.frequency", "2.4 GHz"),
        ('Acme monitor 43.2 cm (17")', "attributes.screen_size", "17 in"),
        ("Acme desk lamp blk", "attributes.colour", "black"),
    ],
)
def test_what_a_title_surely_states_is_proposed_by_the_shipped_rules(
    knowledge, title, field, value
):
    assert added(title, knowledge)[field] == value


@pytest.mark.parametrize(
    "title",
    [
        "Acme notebook 8 GB 512 GB",  # which of them
        "Acme desk lamp black/silver",
        "Acme cables 3 m 5 m 10 m",
        "Acme labels 6/12 OZ",  # a pack was right in one of twenty
        "Acme cable under 3 m",  # a bound is no length
        "Acme server Xeon Silver",
        "Acme desk lamp 230 V",  # nobody has judged a voltage
    ],
)
def test_what_a_title_states_doubtfully_is_not_proposed(knowledge, title):
    assert added(title, knowledge) == {}


def test_an_attribute_that_is_known_or_was_added_is_not_proposed_again(knowledge):
    cable = Listing("1", "Acme patch cable 3 m", brand="Acme")
    found = [one for one in propose(cable, knowledge, SHIPPED) if one.kind == "attribute"]
    assert [one.before for one in found] == [""]
    assert not [one for one in propose(repaired(cable, found), knowledge, SHIPPED)
                if one.kind == "attribute"]  # fmt: skip
    assert added("Acme patch cable 3 m", knowledge, known=(("length", "2 m"),)) == {}


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS)
def test_odd_texts_never_crash(knowledge, text):
    propose(Listing("1", text, text, "Acme"), knowledge)
    propose(Listing("1", "Acme patch cable", text, text), knowledge)


@pytest.mark.parametrize("steering", STEERING)
def test_what_a_text_asks_for_is_not_done(knowledge, steering):
    asked = replace(ONE, title=ONE.title + steering)
    mended, applied = mend(asked, knowledge)
    assert not {one.kind for one in applied} - {"markup"}
    assert mended.brand == ONE.brand


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.text(max_size=30))
def test_a_proposal_always_names_the_very_text_it_changes(title, brand):
    one = Listing("1", title, title, brand)
    for proposal in propose(one, FEW):
        before = {"title": title, "description": title, "brand": brand}[proposal.field]
        assert proposal.before == before != proposal.after
