"""Search by words and meaning: exact filters, explained hits, an index that is old or new."""

import dataclasses
import itertools
from decimal import Decimal

import numpy as np
import pytest
import torch
from hostile_texts import ODD_TEXTS, STEERING
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_encoder import tiny_checkpoint

from governance.errors import InputError, StateError
from training.encoder.checkpoint import load_encoder
from training.text_search.build import build
from training.text_search.catalogue import Catalogue, Product
from training.text_search.catalogue_file import catalogue_of, read_catalogue, write_catalogue
from training.text_search.config import SearchKnobs, read_search_knobs
from training.text_search.filters import Facts
from training.text_search.fusion import Fusion
from training.text_search.index_file import open_stored
from training.text_search.judged import Judged, known_items
from training.text_search.lexical import Lexical
from training.text_search.model import FUSIONS, Between, Filters, load_index, search
from training.text_search.words import words_of

WORDS = ("red", "blue", "lamp", "table", "cable", "usb", "oak", "desk", "battery", "charger")


def _products(count: int = 24) -> list[Product]:
    pairs = itertools.islice(itertools.permutations(WORDS, 2), count)
    return [
        Product(
            f"i{at}", f"{one} {two} {at}", f"a {two} that is {one}",
            "Home > Light" if at % 2 else "Office",
            "Acme" if at % 3 else "Zeta", float(10 * at), bool(at % 4),
            {"colour": one, "watts": float(at), "is dimmable": bool(at % 2)},
        )
        for at, (one, two) in enumerate(pairs)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    torch.set_num_threads(1)
    return tiny_checkpoint(tmp_path_factory.mktemp("tiny"), WORDS)


@pytest.fixture(scope="module")
def encoder(checkpoint):
    return load_encoder(str(checkpoint))


@pytest.fixture(scope="module")
def index(encoder, tmp_path_factory):
    return _build(tmp_path_factory.mktemp("index"), _products(), encoder)


def _build(folder, products, encoder, **options):
    return build(folder, Catalogue.of(products), encoder, progress=lambda _: None, **options)


def _stored_vectors(folder):
    return open_stored(folder).vectors()[1].tobytes()


def test_every_hit_says_its_parts_and_its_words_are_named(index):
    hit = search(index, "red lamp")[0]
    assert "red" in hit.title
    assert "lamp" in hit.title
    assert hit.lexical_rank in (1, 2)  # lamp red agrees as well
    assert hit.lexical_score > 0
    assert hit.dense_rank is not None
    said = index.explain("red lamps zebra", hit.item_id)
    assert said.in_title == ("red", "lamp")
    assert said.missing == ("zebra",)
    assert said.hit is not None
    assert said.hit.item_id == hit.item_id


@pytest.mark.parametrize("fusion", [None, *Fusion().ways()])
@pytest.mark.parametrize("name", ODD_TEXTS)
def test_no_text_makes_a_search_fail(index, name, fusion):
    hits = search(index, ODD_TEXTS[name], fusion=fusion)
    assert len(hits) <= 10
    assert all(np.isfinite(hit.score) for hit in hits)


@pytest.mark.parametrize("query", ["", " \t ", "\u200b"])
def test_an_empty_query_finds_nothing(index, query):
    assert search(index, query) == []


def test_products_with_odd_texts_are_indexed_and_found(encoder, tmp_path):
    odd = [Product(f"odd {name}", text) for name, text in ODD_TEXTS.items()]
    found = _build(tmp_path, [*_products(6), *odd], encoder)
    assert search(found, "苹果汁", fusion="lexical")[0].item_id == "odd other scripts"
    assert search(found, "تفاح")[0].lexical_score > 0


def test_a_catalogue_without_a_word_is_searched_all_the_same(encoder, tmp_path):
    found = _build(tmp_path, [Product("a", ""), Product("b", "!!!")], encoder)
    assert search(found, "lamp", fusion="lexical") == []


@given(
    st.sampled_from([None, "Home", "office", "Home > Light", "nowhere"]),
    st.sampled_from([None, "acme"]),
    st.one_of(st.none(), st.tuples(st.integers(0, 240), st.integers(0, 240))),
    st.booleans(),
    st.sampled_from([{}, {"colour": "RED"}, {"watts": Between(3, 9)}, {"is dimmable": True}]),
)
@settings(max_examples=60, deadline=None)
def test_what_is_found_satisfies_every_filter_and_all_that_does_is_found(
    index, category, brand, price, in_stock, attributes
):
    filters = Filters(
        (category,) if category else (),
        (brand,) if brand else (),
        Between(*price) if price else None,
        in_stock,
        attributes,
    )
    wanted = {p.item_id for p in index.catalogue.products if _is_wanted(p, filters)}
    found = search(index, "red lamp on an oak table", k=100, filters=filters, fusion="dense")
    assert {hit.item_id for hit in found} == wanted


def _is_wanted(product, filters):
    categories = [product.category.casefold(), *product.category.casefold().split(" > ")]
    attribute_checks = {
        "colour": lambda value, wanted: value == wanted.casefold(),
        "watts": lambda value, wanted: wanted.low <= value <= wanted.high,
        "is dimmable": lambda value, wanted: value is wanted,
    }
    return (
        all(one.casefold() in categories for one in filters.categories)
        and all(one == product.brand.casefold() for one in filters.brands)
        and (filters.price is None or filters.price.low <= product.price <= filters.price.high)
        and (product.is_in_stock or not filters.is_in_stock)
        and all(
            attribute_checks[n](product.attributes[n], w) for n, w in filters.attributes.items()
        )
    )


@pytest.mark.parametrize(
    "filters",
    [
        Filters(price=Between(high=5)),
        Filters(is_in_stock=True),
        Filters(brands=("x",)),
        Filters(attributes={"colour": "red"}),
    ],
)
def test_a_filter_on_what_no_product_tells_is_refused(filters):
    with pytest.raises(InputError, match="no product tells"):
        Facts(Catalogue.of([Product("a", "lamp")])).allowed(filters)


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ([], "empty"),
        ([{"item_id": "a", "title": "x"}, {"item_id": "a", "title": "y"}], "the id a is there 2"),
        ([{"item_id": None, "title": "x"}], "no id"),
        ([{"item_id": "a"}], "no column title"),
        ([{"id": "a", "supplier": "x", "title": "y"}], "no column short_description"),
    ],
)
def test_a_catalogue_that_cannot_be_one_is_refused(rows, what):
    with pytest.raises(InputError, match=what):
        catalogue_of(rows)


def test_rows_of_a_shop_and_of_icecat_become_the_same_kind_of_product():
    shop = {"item_id": 7, "title": "Bread", "department": "GROCERY", "category": "BAKERY",
            "product_type": None, "price_listed_usd": 2.5}  # fmt: skip
    assert catalogue_of([shop]).products[0] == Product(
        "7", "Bread", category="GROCERY > BAKERY", price=2.5
    )
    listed = {"id": "1", "title": "HP 80", "short_description": None, "supplier": "HP",
              "attributes": '{"n_width": 5, "t_ink_type": "Dye", "b_is_new": true}'}  # fmt: skip
    found = catalogue_of([listed]).products[0]
    assert found.brand == "HP"
    assert found.attributes == {"width": 5, "ink type": "Dye", "is new": True}


def test_a_catalogue_is_read_back_as_it_was_written(tmp_path):
    catalogue = Catalogue.of(_products())
    write_catalogue(catalogue, tmp_path / "products.parquet")
    assert read_catalogue(tmp_path) == catalogue


@given(st.lists(st.sampled_from(range(24)), min_size=1, unique=True))
@settings(max_examples=8, deadline=None)
def test_an_index_brought_up_to_date_is_byte_for_byte_the_one_built_at_once(
    encoder, tmp_path_factory, first
):
    products = _products()
    changed = [dataclasses.replace(products[at], title=f"oak {at}") for at in first]
    folder = tmp_path_factory.mktemp("grown")
    _build(folder, changed, encoder)
    grown = _build(folder, products, encoder)
    whole = tmp_path_factory.mktemp("whole")
    assert _build(whole, products, encoder).version == grown.version
    assert _stored_vectors(folder) == _stored_vectors(whole)


def test_a_second_build_embeds_only_what_changed(encoder, tmp_path):
    products, said = _products(), []
    _build(tmp_path, products, encoder)
    products[3] = dataclasses.replace(products[3], title="a new charger")
    products[4] = dataclasses.replace(products[4], price=1.0)
    build(tmp_path, Catalogue.of(products), encoder, progress=said.append)
    assert "search: 24 products, 1 texts to embed" in said


def test_two_encoders_are_never_mixed(encoder, tmp_path, tmp_path_factory):
    _build(tmp_path, _products(6), encoder)
    other = load_encoder(str(tiny_checkpoint(tmp_path_factory.mktemp("other"), WORDS[:5])))
    with pytest.raises(StateError, match="another encoder"):
        _build(tmp_path, _products(6), other)
    with pytest.raises(StateError, match="another encoder"):
        load_index(tmp_path, other)
    assert _build(tmp_path, _products(6), other, is_whole=True).encoder is other


class _KilledError(BaseException):
    """As a signal would come: no except of ours catches it."""


def test_a_killed_build_leaves_the_old_index_and_what_it_embedded(encoder, tmp_path, monkeypatch):
    monkeypatch.setattr("training.text_search.vector_store._PART_VECTORS", 4)
    monkeypatch.setattr("training.text_search.dense.BATCH", 4)
    old = _build(tmp_path, _products(3), encoder)
    lines = []

    def say(line):
        lines.append(line)
        if sum("embedded" in one for one in lines) == 2:
            raise _KilledError

    with pytest.raises(_KilledError):
        build(tmp_path, Catalogue.of(_products()), encoder, progress=say)
    assert load_index(tmp_path, encoder).version == old.version
    done = int(lines[-1].split()[1].split("/")[0])
    build(tmp_path, Catalogue.of(_products()), encoder, progress=lines.append)
    assert f"search: 24 products, {21 - done} texts to embed" in lines
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_a_folder_that_was_changed_is_refused(encoder, tmp_path):
    index = _build(tmp_path, _products(3), encoder)
    (tmp_path / index.version / "vectors.safetensors").write_bytes(b"other")
    with pytest.raises(InputError, match="cannot be trusted"):
        load_index(tmp_path, encoder)
    with pytest.raises(StateError, match="no search index"):
        load_index(tmp_path / "nowhere", encoder)


@given(st.sampled_from(STEERING), st.integers(0, 23), st.lists(st.sampled_from(WORDS), min_size=1))
@settings(max_examples=40, deadline=None)
def test_steering_words_in_a_text_never_raise_it_for_a_query_without_these_words(steer, row, query):
    texts = [product.title for product in _products()]
    steered = [text + steer if at == row else text for at, text in enumerate(texts)]
    asked = " ".join(query)
    before, after = (Lexical.of(some).scores(asked) for some in (texts, steered))
    assert (after > after[row]).sum() >= (before > before[row]).sum()


def test_few_queries_leave_the_default_and_many_fit_it_and_the_learned_fusion(encoder, tmp_path):
    catalogue = Catalogue.of(_products())
    few = _build(tmp_path / "few", _products(), encoder, judged=[Judged("red", {"i0": 1.0})])
    assert "too few" in few.fusion.reason
    many = _build(tmp_path / "many", _products(), encoder, judged=known_items(catalogue, 24))
    assert set(many.fusion.reached) == set(FUSIONS)
    assert many.fusion.ranker is not None
    assert load_index(tmp_path / "many", encoder).fusion == many.fusion
    assert many.fusion.ways() == FUSIONS
    assert search(many, "red lamp", fusion="learned")
    with pytest.raises(InputError, match="learned was not fitted") as refused:
        search(few, "red lamp", fusion="learned")
    assert "lexical, dense, rule, convex, reciprocal_rank" in refused.value.why
    with pytest.raises(InputError, match="--learn fits it"):
        Fusion(name="learned")
    with pytest.raises(InputError, match="no fusion magic"):
        search(few, "red lamp", fusion="magic")


def test_words_are_folded_by_case_and_plural_and_unspaced_scripts_by_character():
    assert words_of("USB-C Cables, 2 BATTERIES; glass bus") == [
        "usb", "c", "cable", "2", "battery", "glass", "bus",
    ]  # fmt: skip
    assert words_of("苹果 iPhone") == ["苹", "果", "iphone"]


def test_a_thing_and_many_of_it_are_one_word_whichever_way_they_end():
    for one, many in (("cookie", "cookies"), ("battery", "batteries"), ("cable", "cables")):
        assert words_of(one) == words_of(many)


def test_prices_of_a_database_are_numbers():
    rows = [{"item_id": "a", "title": "Lamp", "price": Decimal("9.50")}]
    assert catalogue_of(rows, where="test").products[0].price == 9.5


def test_of_ways_that_do_as_well_the_default_stays(encoder, tmp_path):
    """Easy queries that words alone answer must not end search by meaning."""
    easy = [Product(f"i{at}", word) for at, word in enumerate(WORDS)]
    judged = [Judged(word, {f"i{at}": 1.0}) for at, word in enumerate(WORDS)]
    found = _build(tmp_path, easy, encoder, judged=judged)
    assert found.fusion.reached["lexical"] == found.fusion.reached["convex"] == 1
    assert found.fusion.name == "convex"


def test_the_order_does_not_change_with_how_many_are_asked_for(index):
    depth = 4
    few, many = (
        [(h.item_id, h.score) for h in index.search("red lamp", k=k, depth=depth)] for k in (3, 8)
    )
    assert many[:3] == few
    said = dataclasses.replace(index, knobs=SearchKnobs(depth=depth)).explain("red lamp", few[0][0])
    assert (said.hit.item_id, said.hit.score) == few[0]


def test_above_a_number_of_products_a_graph_finds_the_same_and_filters_stay_exact(
    index, encoder, tmp_path
):
    _build(tmp_path, _products(), encoder, knobs=SearchKnobs(exact_up_to=10))
    large = load_index(tmp_path, encoder)
    assert large.graph is not None
    assert large.graph_recall["recall_at_10"] > 0.99  # measured at the build, kept in the card
    assert index.graph_recall == {}
    for filters in (Filters(), Filters(brands=("Zeta",))):
        found, exact = (search(one, "red lamp", filters=filters) for one in (large, index))
        assert [hit.item_id for hit in found] == [hit.item_id for hit in exact]


def test_the_knobs_file_says_the_defaults():
    assert read_search_knobs() == SearchKnobs()
