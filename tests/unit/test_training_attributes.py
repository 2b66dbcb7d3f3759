"""Titles become typed attributes: what is read, where, in which unit, and how sure."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hostile_texts import ODD_TEXTS, STEERING
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.errors import InputError
from training.attributes.brands import guess_brands, learn_brands
from training.attributes.extractor_file import load_extractor, save_extractor
from training.attributes.judge import is_surely_better, judge
from training.attributes.model import MOST_ATTRIBUTES, Extractor, extract
from training.attributes.rules_file import read_rules
from training.attributes.structured import product_of
from training.attributes.tagger import NAMES, decoded
from training.attributes.train import learn, read_tagger_knobs
from training.encoder.readable import readable

RULES = read_rules()
TITLES = ("Acme Cable 2 m Black", "Acme Tv 40 inch", "Acme Ink red", "Bolt & Co Lamp 5 W") * 3
SUPPLIERS = ("Acme", "Acme", "Acme", "Bolt & Co") * 3
EXTRACTOR = Extractor(RULES, learn_brands(TITLES, SUPPLIERS))


def _read(text: str) -> dict[str, object]:
    return {one.name: one.value for one in extract(text, EXTRACTOR)}


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("FLUID MILK WHITE ONLY 64 OZ", {"volume": 1.89271, "colour": "white"}),
        ("ICE - CRUSHED/CUBED 22 LB", {"mass": 9.97903}),
        ("COOKIES 14 OZ", {"mass": 0.396893}),
        ("VITAMIN - MINERALS 300 CT(1)", {"quantity": 300.0}),
        ("SOFT DRINKS 6/12 OZ", {"quantity": 6.0, "volume": 0.354882}),
        ("ICE CREAM 1/2 GAL", {"volume": 1.89271}),
        ("Eggs 2 DZ", {"quantity": 24.0}),
        ('Monitor 43.2 cm (17") 1280 x 1024 pixels Silver', {"screen_size": 17.0}),
        ("Dell 27 Inch Monitor", {"screen_size": 27.0}),
        ('Monitor 43.2 CM (17")', {"screen_size": 17.0}),
        ("Labels 105x42.3 mm white 2800 pcs.", {"dimensions": "0.105 x 0.0423"}),
        ("Notebook 8 GB 1 TB", {"capacity": 1000.0}),
        ("Wall lamp 3 in 1", {}),
    ],
)
def test_a_title_states_amounts_in_one_unit_each(title, expected):
    assert expected.items() <= _read(title).items()


def test_an_inch_is_a_screen_only_where_the_text_speaks_of_one():
    assert "screen_size" not in _read('Rackmount shelf 19" with monitor arm')
    assert _read("Acme Tv 40 inch")["screen_size"] == 40.0


@pytest.mark.parametrize(
    ("title", "way"),
    [
        ("WHOLE HENS (UNDER 15LBS)", "bound"),
        ("PLANTS (5IN & DOWN)", "bound"),
        ("RTD COCKTAILS 750ML PLUS", "bound"),
        ("SOFT DRINKS 12/18&15PK", "bound"),
        ("POPULAR 750ML WINES", "number"),
        ("Cable 3 m under desk", "number"),
        ("Cable 6 ft 1.8 m", "number"),
        ("Cable 6 ft 3 m", "number of several"),
    ],
)
def test_a_bound_and_one_of_several_are_ways_of_their_own(title, way):
    assert {one.way for one in extract(title, EXTRACTOR)} == {way}


def test_a_name_with_a_colours_word_in_it_is_no_colour():
    assert "colour" not in _read("Server Intel® Xeon® Silver 2.2 GHz")
    assert _read("OLIVE OIL GREEN")["colour"] == "green"


def test_a_brand_named_for_another_item_is_not_the_brand():
    for title in ("Toner for Acme printers", "Toner f/ Acme", "Toner equivalent to Acme"):
        assert "brand" not in _read(title)
    assert _read("Acme Toner")["brand"] == "Acme"


def test_a_model_code_holds_no_amounts():
    assert _read("KVR32N22D8-16GB PWS-865W Cat5e") == {}


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS.keys())
def test_odd_texts_are_read_without_a_crash(text):
    assert len(extract(text, EXTRACTOR)) <= MOST_ATTRIBUTES


@pytest.mark.parametrize("steering", STEERING)
def test_a_steering_text_changes_no_attribute_that_stood_before_it(steering):
    title = "Acme Cable 2 m Black"
    plain, steered = extract(title, EXTRACTOR), extract(title + steering, EXTRACTOR)
    assert set(plain) <= set(steered)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80) | st.from_regex(r"[0-9]{1,3} ?[a-zA-Z\"/]{1,3} [0-9./x]{1,6} ?OZ"))
def test_every_attribute_stands_where_it_says(text):
    for one in extract(text, EXTRACTOR):
        assert readable(text)[one.start : one.end] == one.text
        assert 0 <= one.confidence <= 1


def test_confidence_is_the_share_that_the_catalogue_confirmed():
    told = json.dumps({"n_cable_length": 2.0, "t_product_colour": "White"})
    products = [product_of("Acme Cable 2 m Black", "Acme", told, RULES) for _ in range(40)]
    learned = learn(products, RULES)
    sure = {one.name: one.confidence for one in learned.reader.read(["Acme Cable 2 m Black"])[0]}
    assert sure["length"] > 0.8 > 0.2 > sure["colour"]


def test_recall_counts_only_what_the_title_states():
    told = json.dumps({"n_cable_length": 7.0})
    products = [product_of(title, "Acme", told, RULES) for title in ("Cable 7 m", "Cable long")]
    marks = judge(products, [extract(product.title, EXTRACTOR) for product in products])["length"]
    assert (marks.recall, marks.precision, marks.known, marks.stated) == (1.0, 1.0, 2, 1)


def test_attributes_that_are_no_json_count_as_none():
    assert set(product_of("Acme", "Acme", "[broken", RULES).truth) == {"brand"}


def test_rules_that_lack_a_part_are_refused_by_name(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text("units: {}\n")
    with pytest.raises(InputError, match="lack a part"):
        read_rules(path)


def test_the_tagger_knobs_are_read():
    assert read_tagger_knobs().epochs > 0


def test_an_extractor_reads_the_same_after_it_was_saved(tmp_path):
    path = tmp_path / "extractor.json"
    save_extractor(path, EXTRACTOR)
    loaded = load_extractor(path, RULES)
    assert [extract(title, loaded) for title in TITLES] == [
        extract(title, EXTRACTOR) for title in TITLES
    ]
    path.write_text("{}")
    with pytest.raises(InputError, match="no extractor"):
        load_extractor(path, RULES)


def test_a_reader_that_is_right_for_one_supplier_alone_is_not_surely_better():
    told = json.dumps({"n_cable_length": 2.0})
    products = [product_of("Cable 2 m", f"Supplier {n % 8}", told, RULES) for n in range(80)]
    read = [extract(product.title, EXTRACTOR) for product in products]
    nothing = [()] * len(products)
    one = [
        marks if product.supplier == "Supplier 0" else ()
        for product, marks in zip(products, read, strict=True)
    ]
    assert is_surely_better("length", products, read, nothing, seed=0)
    assert not is_surely_better("length", products, one, nothing, seed=0)
    assert not is_surely_better("length", products, read, read, seed=0)


def test_the_tagger_marks_one_brand_a_title():
    begin = 2 * NAMES.index("brand") + 1  # 0 is no mark; each name has a begin and an inside
    chances = np.zeros((3, 2 * len(NAMES) + 1))
    chances[[0, 1, 2], [begin, 0, begin]] = 1.0
    places = np.array([[0, 4], [5, 8], [9, 13]])
    assert [(s.start, s.end) for s, _ in decoded(places, chances)] == [(0, 4)]


def test_an_unknown_brand_is_the_first_word_where_titles_begin_with_their_brand():
    brands = replace(EXTRACTOR.brands, is_first_word=True)
    found = {
        one.name: one.value for one in extract("Zeta cable like Acme", Extractor(RULES, brands))
    }
    assert found["brand"] == "Zeta"


def test_words_that_titles_nearly_always_begin_with_are_one_brand():
    titles = [
        f"Tall Oak {thing} {n}" for n, thing in enumerate(["desk", "lamp", "rug", "bed", "box"])
    ]
    assert guess_brands(titles) == {"tall oak": "Tall Oak"}
    brands = replace(EXTRACTOR.brands, is_first_word=True, guessed=guess_brands(titles))
    found = {one.name: one.value for one in extract("Tall Oak chair", Extractor(RULES, brands))}
    assert found["brand"] == "Tall Oak"
