"""A search that learned from clicks: better on later searches or as it was; old or new."""

import json
from dataclasses import replace

import pytest
from clicked_shop import (
    DEPTH,
    LATER,
    LEARNING,
    clicked_shop,
    polish,
    queries,
    thing,
)

from flows.search_source import read_click_log
from flows.shop_search import build_shop_search
from governance.errors import InputError, StateError
from serving.schemas import parse_instance
from serving.search_answer import Searcher
from serving.search_wish import SearchRequest
from training.shop_search.model import open_shop_search
from training.text_search.catalogue import Catalogue, Product
from training.text_search.click_lessons import Weighing, click_lessons
from training.text_search.clicks import Click
from training.text_search.config import SearchKnobs
from training.text_search.learning_config import ClickKnobs, LearningKnobs, read_learning_knobs
from training.text_search.position_bias import Shuffled, position_bias

LATER_QUERIES = queries()[-LATER:]


def build(settings, learning=LEARNING, say=lambda _: None):
    return build_shop_search(settings, data=None, config=None, learning=learning, progress=say)


def opened(settings):
    return open_shop_search(settings.bundles_dir / "search", encoder=settings.encoder)


def found_first(shop, item_of):
    """The share of later queries whose first product is the item."""
    hits = [shop.find(f"{kind} {style}").hits[0].item_id for kind, style in LATER_QUERIES]
    wanted = [item_of(kind, style) for kind, style in LATER_QUERIES]
    return sum(a == b for a, b in zip(hits, wanted, strict=True)) / len(wanted)


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A home whose search was built plain, then learned: settings, the plain shop, the built."""
    settings = clicked_shop(tmp_path_factory.mktemp("learned") / "home")
    build(settings, learning=None)
    plain = opened(settings)
    return settings, plain, build(settings)


def test_what_was_clicked_is_found_by_later_searches_that_words_alone_mislead(learned):
    settings, plain, built = learned
    assert found_first(plain, polish) >= 0.7
    assert found_first(opened(settings), thing) >= 0.7
    parts = {one["part"]: one for one in built.facts["learned"]["parts"]}
    assert list(parts) == ["encoder", "fusion", "cross_encoder"]
    assert parts["encoder"]["is_kept"]
    assert parts["encoder"]["after"]["ndcg_at_10"] > parts["encoder"]["before"]["ndcg_at_10"]


def test_the_card_says_from_what_it_was_learned_and_whose_vectors_it_has(learned):
    settings, plain, built = learned
    card = json.loads((built.folder / "search_index.json").read_text())
    assert card["learned"]["told"] == "learned from simulated sessions"
    assert card["learned"]["clicks"] == 300
    assert card["learned"]["judged_searches"] == LATER / 2
    assert "lists in random order" in card["learned"]["positions"]["told"]
    assert card["learned"]["plain_encoder"] == plain.index.encoder.digest
    assert card["encoder"]["digest"] != plain.index.encoder.digest
    assert opened(settings).index.encoder.digest == card["encoder"]["digest"]
    files = card["files"]
    assert "encoder/model.safetensors" in files
    assert not [name for name in files if name.endswith((".bin", ".pt", ".pkl"))]
    assert any("learned from simulated sessions" in line for line in built.lines())
    assert not (settings.searches_dir / "search" / "learning").exists()


def test_a_learned_version_answers_the_same_after_reopening_and_stays_without_learn(learned):
    settings, _, built = learned
    first, again = opened(settings), opened(settings)
    for query in ("sneaker alpine", "couch", "stove urban"):
        assert first.find(query).hits == again.find(query).hits
    said = []
    assert build(settings, learning=None, say=said.append).version == built.version
    assert "search: what was learned stays; --learn learns anew" in said
    assert first.find("icebox retro").hits == opened(settings).find("icebox retro").hits


def test_another_plain_encoder_than_the_one_it_began_with_is_refused(learned, tmp_path):
    settings, _, _ = learned
    other = clicked_shop(tmp_path / "other")
    changed = tmp_path / "other" / "plain_encoder" / "config.json"
    changed.write_text(changed.read_text() + "\n")
    with pytest.raises(StateError, match="learned on top of another encoder"):
        build(settings.model_copy(update={"encoder": other.encoder}), learning=None)


def test_an_item_says_what_the_cross_encoder_thought_where_the_version_has_one(learned):
    settings, plain, _ = learned
    shop = opened(settings)
    wish = parse_instance({"query": "sneaker alpine", "k": 5}, SearchRequest, path="")
    parts = [item["parts"] for item in Searcher(shop).answers([wish])[0]["items"]]
    has_cross = shop.index.cross is not None
    assert ["cross_score" in one for one in parts] == [has_cross] * 5
    without = Searcher(plain).answers([wish])[0]["items"]
    assert all("cross_score" not in item["parts"] for item in without)


def test_an_encoder_that_loses_on_later_searches_is_not_kept(tmp_path):
    """Earlier clicks went to other things; later ones go where words lead."""
    kinds = list(dict.fromkeys(kind for kind, _ in queries()))

    def wanted(at, kind, style):
        if at >= len(queries()) - LATER:
            return polish(kind, style)
        return thing(kinds[kinds.index(kind) - 1], style)

    settings = clicked_shop(tmp_path / "home", wanted)
    built = build(settings)
    encoder = built.facts["learned"]["parts"][0]
    assert (encoder["part"], encoder["is_kept"]) == ("encoder", False)
    assert encoder["after"]["ndcg_at_10"] < encoder["before"]["ndcg_at_10"]
    assert not (built.folder / "encoder").exists()
    shop = opened(settings)
    assert shop.index.encoder.digest == built.facts["learned"]["plain_encoder"]
    assert found_first(shop, polish) >= 0.7


class _KilledError(BaseException):
    """As a signal would come: no except of ours catches it."""


@pytest.mark.parametrize("dies_at", ["dense epoch 5:", "relevance epoch 2:"])
def test_killed_half_way_the_old_version_stays_and_the_same_command_goes_on(
    learned, tmp_path, dies_at
):
    encoder = learned[0].encoder
    settings = clicked_shop(tmp_path / "home").model_copy(update={"encoder": encoder})
    plain = build(settings, learning=None)

    def say(line):
        if line.startswith(dies_at):
            raise _KilledError

    with pytest.raises(_KilledError):
        build(settings, say=say)
    assert opened(settings).index.version == plain.version
    said = []
    again = build(settings, say=said.append)
    assert not [line for line in said if line.startswith(dies_at)]
    assert again.version == learned[2].version


def test_positions_are_measured_on_lists_in_random_order(tmp_path):
    log = read_click_log(clicked_shop(tmp_path / "home").warehouse_path)
    assert len(log.clicks) == 300
    assert {click.position for click in log.clicks} == {1, DEPTH}
    assert log.is_synthetic
    bias = position_bias(log.shuffled, eta=0.0)
    assert bias.propensities == pytest.approx([1 / at for at in range(1, DEPTH + 1)], rel=0.05)


def test_without_clicks_enough_on_such_lists_a_curve_is_assumed_and_said():
    few = position_bias(Shuffled((500, 500), (100, 29)), eta=1.0)
    assert few.propensities[:2] == (1.0, 0.5)
    assert "assumed" in few.told
    some = position_bias(Shuffled((500, 500, 500), (100, 50, 29)), eta=1.0)
    assert some.propensities == (1.0, 0.5)


def test_products_that_read_alike_are_worth_the_same_and_are_no_rivals():
    same = [Product(f"m{at}", "white milk") for at in range(3)]
    catalogue = Catalogue.of([*same, Product("c", "chocolate milk")])
    clicks = [Click(f"query {at}", item, 1, at) for at in range(10) for item in ("m0", "m1", "c")]
    weighing = Weighing(catalogue, SearchKnobs(), (1.0,), 10.0)
    lessons = click_lessons(
        [*clicks, Click("milk", "gone", 1, 99)], weighing, ClickKnobs(later_share=0.4), seed=0
    )
    assert len(lessons.fitted) == len(lessons.judged) == 2
    assert lessons.judged[0].gains == {"m0": 2.0, "m1": 2.0, "m2": 2.0, "c": 1.0}
    assert lessons.taught.items.count("white milk") == 12
    assert {one.query for one in lessons.fitted} & {one.query for one in lessons.judged} == set()
    assert {one.query for one in lessons.judged} <= {f"query {at}" for at in range(6, 10)}


def test_a_catalogue_without_sessions_has_only_its_fusion_fitted(tmp_path):
    settings = clicked_shop(tmp_path / "home")
    file = tmp_path / "items.csv"
    file.write_text("item_id,title\n" + "".join(
        f"{at},{kind} {style} {at}\n" for at, (kind, style) in enumerate(queries())
    ))  # fmt: skip
    learning = replace(LEARNING, clicks=replace(LEARNING.clicks, known_items=40))
    built = build_shop_search(
        settings, data=file, config=None, learning=learning, progress=lambda _: None
    )
    assert built.facts["learned"]["told"].startswith("too few clicked searches")
    assert opened(settings).index.fusion.ranker is not None
    assert sorted(path.name for path in built.folder.iterdir() if path.is_dir()) == []


def test_the_file_of_knobs_says_the_defaults_and_refuses_what_it_does_not_know(tmp_path):
    assert read_learning_knobs() == LearningKnobs()
    path = tmp_path / "learning.yaml"
    path.write_text("clicks: {later_share: 1.0}\n")
    with pytest.raises(InputError, match=r"later_share is 1\.0"):
        read_learning_knobs(path)
    path.write_text("clicks: {many: 1}\n")
    with pytest.raises(InputError, match=r"clicks\.many is unknown"):
        read_learning_knobs(path)
