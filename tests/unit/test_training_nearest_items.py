"""An index answers as exact search does or says how much it misses, and trusts no other file."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from governance.errors import InputError
from training.exact_search import ExactIndex
from training.nearest_items import train
from training.nearest_items.files import CARD, GRAPH, VECTORS, load_index, read_card, save_index
from training.nearest_items.model import GraphItems
from training.nearest_items.train import NearestConfig, build, recall_of, sample_queries

SMALL = NearestConfig(recall_queries=40)
AS_GRAPH = NearestConfig(exact_up_to=100, recall_queries=40)
needs_engine = pytest.mark.skipif(not train.has_engine(), reason="usearch is not installed")


def _vectors(count, *, seed=0, width=8):
    return np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)


@settings(max_examples=50, deadline=None)
@given(
    arrays.arrays(np.int8, st.tuples(st.integers(0, 30), st.just(3)), elements=st.integers(-2, 2)),
    st.integers(0, 12),
)
def test_a_small_set_is_searched_as_by_sorting_all_of_it(vectors, k):
    vectors, queries = vectors.astype(np.float32), _vectors(3, width=3).round()
    items, scores = build(vectors, SMALL).index.search(queries, k=k)
    for query, row, found in zip(queries, items, scores, strict=True):
        products = vectors @ query
        wanted = sorted(range(len(vectors)), key=lambda item: (-products[item], item))[:k]
        assert row.tolist() == wanted + [-1] * (k - len(wanted))
        assert found[: len(wanted)].tolist() == [products[item] for item in wanted]


@pytest.mark.parametrize("config", [SMALL, pytest.param(AS_GRAPH, marks=needs_engine)])
def test_hidden_items_are_not_found_and_leave_no_hole(config):
    vectors = _vectors(150)
    index = build(vectors, config).index
    first, _ = index.search(vectors[:4], k=5)
    items, scores = index.search(vectors[:4], k=5, hidden=[row[:3] for row in first])
    assert [row[:2] for row in items.tolist()] == [row[3:] for row in first.tolist()]
    assert np.isfinite(scores).all()


@needs_engine
def test_above_the_limit_a_graph_answers_with_exact_scores_and_a_recall_that_can_be_recomputed():
    vectors = _vectors(3_000, width=32)
    built = build(vectors, AS_GRAPH)
    assert isinstance(built.index, GraphItems)
    again = recall_of(built.index, vectors, sample_queries(vectors, AS_GRAPH), AS_GRAPH)
    assert built.recall == again
    assert 0.9 < built.recall["recall_at_10"] <= 1.0
    items, scores = built.index.search(vectors[:5], k=7)
    for query, row, found in zip(vectors[:5], items, scores, strict=True):
        assert np.allclose(vectors[row] @ query, found, atol=1e-5)


@needs_engine
def test_recall_counts_what_a_graph_misses():
    vectors = _vectors(2_000, width=32)
    narrow = NearestConfig(
        exact_up_to=100, connectivity=2, expansion_add=2, expansion_search=2, recall_queries=50
    )
    assert build(vectors, narrow).recall["recall_at_100"] < 0.9
    assert build(vectors, SMALL).recall == {"recall_at_10": 1.0, "recall_at_100": 1.0}


@needs_engine
def test_one_query_is_answered_as_in_a_batch():
    index = build(_vectors(300), AS_GRAPH).index
    queries = _vectors(3, seed=1)
    alone = [index.search(query[None], k=5)[0][0].tolist() for query in queries]
    assert alone == index.search(queries, k=5)[0].tolist()


@pytest.mark.parametrize("config", [SMALL, pytest.param(AS_GRAPH, marks=needs_engine)])
def test_a_saved_index_answers_alike_keeps_its_recall_and_is_the_same_bytes_again(tmp_path, config):
    built = build(_vectors(400), config)
    digest = save_index(tmp_path / "index", built, config)
    loaded = load_index(tmp_path / "index", digest=digest)
    queries = _vectors(9, seed=2)
    for one, other in zip(
        built.index.search(queries, k=20), loaded.index.search(queries, k=20), strict=True
    ):
        assert one.tolist() == other.tolist()
    assert loaded.recall == built.recall == read_card(tmp_path / "index")["recall"]
    assert save_index(tmp_path / "twin", build(_vectors(400), config), config) == digest


@pytest.mark.parametrize("name", [VECTORS, pytest.param(GRAPH, marks=needs_engine), CARD])
def test_a_changed_file_is_refused(tmp_path, name):
    save_index(tmp_path / "index", build(_vectors(400), AS_GRAPH), AS_GRAPH)
    path = tmp_path / "index" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(InputError, match="cannot be trusted"):
        load_index(tmp_path / "index")


def test_a_whole_index_of_another_digest_is_refused(tmp_path):
    digest = save_index(tmp_path / "index", build(_vectors(20), SMALL), SMALL)
    save_index(tmp_path / "index", build(_vectors(20, seed=1), SMALL), SMALL)
    with pytest.raises(InputError, match="cannot be trusted"):
        load_index(tmp_path / "index", digest=digest)


def test_without_the_engine_search_is_exact_and_says_so(tmp_path, monkeypatch, caplog):
    vectors = _vectors(400)
    save_index(tmp_path / "index", build(vectors, AS_GRAPH), AS_GRAPH)
    monkeypatch.setattr("training.nearest_items.train.has_engine", lambda: False)
    monkeypatch.setattr("training.nearest_items.files.has_engine", lambda: False)
    for found in (build(vectors, AS_GRAPH), load_index(tmp_path / "index")):
        assert isinstance(found.index, ExactIndex)
        assert set(found.recall.values()) == {1.0}
        assert "usearch is not installed" in found.reason
    assert "usearch is not installed" in caplog.text


def test_vectors_that_are_no_numbers_are_refused():
    with pytest.raises(InputError, match="cannot be searched"):
        build(np.array([[1.0, np.nan]], dtype=np.float32), SMALL)


def test_the_card_is_plain_json(tmp_path):
    save_index(tmp_path / "index", build(_vectors(20), SMALL), SMALL)
    card = json.loads((tmp_path / "index" / CARD).read_text())
    assert card["items"] == 20
    assert card["config"]["exact_up_to"] == 170_000
