"""A shop's package sizes say what is known and how right its titles are read."""

import pytest

from training.attributes.model import Extractor
from training.attributes.package_sizes import WEIGHT, extractor_of_shop, told_by
from training.attributes.rules_file import read_rules

RULES = read_rules()
PRIOR = Extractor(RULES)


def taught(pairs):
    """The extractor of a shop with these titles and package sizes."""
    titles, sizes = zip(*pairs, strict=True)
    return extractor_of_shop(titles, told_by(sizes, RULES), RULES)


def test_a_package_size_tells_amounts_and_an_empty_one_tells_nothing():
    told = told_by(["12 PK/1 LTR", "", "FRESH"], RULES)
    assert told == [{"quantity": {12.0}, "volume": {1.0}}, {}, {}]


def test_precision_is_the_shops_own_where_its_sizes_judge_many_titles():
    shop = taught([("Wine 750 ml", "750 ML")] * 97 + [("Wine 750 ml", "1.5 L")] * 3)
    before = PRIOR.prior("volume", "number")
    assert shop.confidence("volume", "number") == pytest.approx(
        (97 + WEIGHT * before) / (100 + WEIGHT)
    )


def test_a_shop_without_package_sizes_keeps_the_priors():
    shop = taught([("Wine 750 ml red", ""), ("Wine 750 ml", "")])
    for name, way in (("volume", "number"), ("colour", "word"), ("power", "number")):
        assert shop.confidence(name, way) == PRIOR.prior(name, way)


def test_where_titles_are_read_worse_than_elsewhere_no_prior_is_trusted():
    bad = taught([("Cable 3 m red", "5 M")] * 60 + [("Cable 3 m red", "3 M")] * 40)
    good = taught([("Cable 3 m red", "3 M")] * 100)
    assert bad.confidence("length", "number") < 0.5
    assert bad.confidence("colour", "word") < 0.6 * PRIOR.prior("colour", "word")
    assert good.confidence("colour", "word") == PRIOR.prior("colour", "word")
    assert good.confidence("length", "number") > PRIOR.prior("length", "number")
