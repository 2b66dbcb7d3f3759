"""Search over the wire beside the recommender: reasons, one shopper's order, refusals."""

import json
import time

import httpx
import pytest
from hostile_texts import ODD_TEXTS
from small_search import save_small

from flows.search_source import read_shop_source
from training.text_search.catalogue import Catalogue

pytestmark = pytest.mark.pipeline
LOAD_SECONDS = 90  # the recommender first, then the others
PRODUCTS = 300  # of the sample shop, those that sell: enough to find, seconds to embed


@pytest.fixture(scope="module")
def bundles(source_home, tmp_path_factory):
    """Bundles with an index of a part of the sample shop, by the encoder of the lock."""
    source = read_shop_source(source_home / "warehouse.duckdb")
    sells = [ids[:5] for ids in (source.popular or {}).values() if len(ids) >= 5]
    some = dict.fromkeys(one for ids in sells[:: max(5 * len(sells) // PRODUCTS, 1)] for one in ids)
    rows = source.catalogue.row_of
    kept = [source.catalogue.products[rows[one]] for one in some]
    folder = tmp_path_factory.mktemp("search")
    save_small(folder, Catalogue.of(kept), source=source, encoder="")
    return folder / "bundles"


@pytest.fixture
def with_search(start_server_with, bundles):
    """A server of the sample shop's home to which an index was added."""
    return start_server_with(bundles, model="search")


def _ask(server, *instances):
    url = f"{server.url}/v1/models/search:predict"
    return httpx.post(url, json={"instances": list(instances)}, timeout=30)


def _one(server, **instance):
    answer = _ask(server, instance)
    assert answer.status_code == 200, answer.text
    return answer.json()["predictions"][0]


def _same(answer):
    return {name: value for name, value in answer.items() if not name.endswith("request_id")}


def test_search_is_served_with_reasons_and_in_one_shoppers_order(with_search):
    title = _one(with_search, query="milk", k=1)["items"][0]["title"]
    found = _one(with_search, query=title, k=5, explain=True)
    assert len(found["items"]) > 2
    assert found["items"][0]["title"] == title
    parts = found["items"][0]["parts"]
    assert parts["words"]
    assert {"lexical_score", "lexical_rank", "dense_score", "dense_rank"} <= parts.keys()
    assert found["model_version"] == found["index_version"]

    cheap = _one(with_search, query="milk under $3", k=20)
    assert [(f["field"], f["op"], f["value"]) for f in cheap["read_filters"]][-1] == (
        "price", "<", 3.0,
    )  # fmt: skip
    assert _one(with_search, query="xqzzyq", k=4)["rescue"]
    assert _one(with_search, prefix=title[:3], k=4)["completions"]

    user = with_search.curl_body()["instances"][0]["user_id"]
    plain, own, strange = (
        _one(with_search, query=title, k=100, **more)
        for more in ({}, {"user_id": user}, {"user_id": "nobody-knows"})
    )
    ids = [[item["item_id"] for item in answer["items"]] for answer in (plain, own, strange)]
    assert len(ids[1]) > 2
    assert {"relevance", "personal"} <= own["items"][0]["parts"].keys()
    assert own["fallback"] is None
    assert own["is_degraded"] is False
    decision = with_search.explain(own["recommender_request_id"]).json()["explanations"][0]
    assert decision["request"]["surface"] == "search"
    assert set(ids[1]) <= set(decision["request"]["candidate_item_ids"])
    assert strange["fallback"] == "cold_start"
    assert ids[2] == [one for one in ids[0] if one in set(ids[2])]
    assert plain["recommender_request_id"] is None

    wish = {"k": 3, "filters": {"price": {"low": 1, "high": 4}}}
    inputs = [
        {"name": "query", "shape": [1], "datatype": "BYTES", "data": [title]},
        {"name": "wish", "shape": [1], "datatype": "BYTES", "data": [json.dumps(wish)]},
    ]
    url = f"{with_search.url}/v2/models/search/infer"
    output = httpx.post(url, json={"inputs": inputs}, timeout=30).json()["outputs"][0]
    assert _same(json.loads(output["data"][0])) == _same(_one(with_search, query=title, **wish))

    good = {"query": "milk"}
    for instance, sentence in (
        ({"query": "milk", "k": 101}, "instances[2].k: must be a whole number from 1 to 100"),
        ({"query": "x" * 513}, "instances[2].query: must be at most 512 characters"),
        ({"query": "milk", "filters": {"attributes": {"taste": "sweet"}}},
         "instances[2].filters: no product tells its attribute taste"),
        ({"query": "milk", "fusion": "learned"},
         "instances[2].fusion: the fusion learned was not fitted; this index can be asked for"),
    ):  # fmt: skip
        refused = _ask(with_search, good, good, instance)
        assert refused.status_code == 400
        assert refused.json()["error"].startswith(sentence)
    odd = [text[:512] for name, text in ODD_TEXTS.items() if name != "lone surrogate"]
    answer = _ask(with_search, *({"query": text} for text in odd))
    assert answer.status_code == 200
    assert len(answer.json()["predictions"]) == len(odd)
    assert _ask(with_search, *({"prefix": text} for text in odd)).status_code == 200
    assert with_search.predict({"user_id": user, "k": 3}).status_code == 200


def test_without_an_index_the_recommender_serves_and_search_says_why(server, known_user):
    ends_at = time.monotonic() + LOAD_SECONDS
    while "still loading" in (answer := _ask(server, {"query": "milk"})).text:
        assert time.monotonic() < ends_at
        time.sleep(0.3)
    assert answer.status_code == 503
    assert "no search index has been built" in answer.json()["error"]
    assert "counterfoil train search" in answer.json()["error"]
    assert httpx.get(f"{server.url}/v2/health/ready").status_code == 200
    assert server.predict({"user_id": known_user, "k": 3}).status_code == 200
