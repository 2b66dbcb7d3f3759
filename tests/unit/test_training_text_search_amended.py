"""An index with changed titles is the index that a build of the changed catalogue gives."""

from dataclasses import replace

import numpy as np
import pytest
from small_search import products, untaught_encoder

from training.encoder.checkpoint import load_encoder
from training.keywords.facts import item_of
from training.text_search.amended import Amending
from training.text_search.build import build
from training.text_search.catalogue import Catalogue, Product

pytestmark = pytest.mark.pipeline
QUERY = "sony charger"


def _ids(index, query):
    return [(hit.item_id, hit.score) for hit in index.search(query)]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return load_encoder(untaught_encoder(tmp_path_factory.mktemp("encoder")))


@pytest.fixture(scope="module")
def index(encoder, tmp_path_factory):
    catalogue = Catalogue.of(products())
    return build(tmp_path_factory.mktemp("index"), catalogue, encoder, progress=lambda _: None)


def test_without_a_change_nothing_moves(index):
    assert _ids(Amending.of(index).index_of([]), QUERY) == _ids(index, QUERY)


def test_a_changed_title_is_found_as_by_a_whole_build_and_the_index_stays(index, encoder, tmp_path):
    before = _ids(index, QUERY)
    changed = replace(products()[74], title="Canon backpack for a sony charger")
    amended = Amending.of(index).index_of([changed])
    whole = Catalogue.of([*products()[:74], changed])
    built = build(tmp_path, whole, encoder, progress=lambda _: None)
    assert np.allclose(amended.vectors, built.vectors, atol=2e-3)
    found, wanted = _ids(amended, QUERY), _ids(built, QUERY)
    assert [item_id for item_id, _ in found] == [item_id for item_id, _ in wanted]
    assert changed.item_id in [item_id for item_id, _ in found]
    assert _ids(index, QUERY) == before


def test_facts_of_a_product_are_its_brand_and_what_its_attributes_say():
    told = {"colour": "red", "wi_fi": False, "usb": True, "width": 3.0, "package_size": "32 OZ"}
    item = item_of(Product("1", "Lamp", brand="Acme", category="Home > Lamps", attributes=told))
    assert [(fact.source, fact.text) for fact in item.facts] == [
        ("brand", "Acme"), ("colour", "red"), ("usb", "usb")
    ]  # fmt: skip
