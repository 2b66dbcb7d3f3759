"""Synonyms: what sessions prove, and the guards against pairs that only look alike."""

from query_help_shop import NOW, other_sessions, small_shop, typed_again

from training.query_help.filter_lesson import classes_of
from training.query_help.synonym_mining import log_likelihood, mine_synonyms
from training.query_help.synonyms import SearchRow
from training.query_help.vocabulary import learn_vocabulary

SHOP = small_shop()
CLASSES = classes_of(SHOP)
VOCABULARY = learn_vocabulary([item.title for item in SHOP])
ITEMS = [f"n{number}" for number in range(8)]


def pairs(*rows: list[SearchRow]) -> set[tuple[str, str]]:
    given = [row for some in rows for row in some]
    return {(one.word, one.means) for one in mine_synonyms(given, CLASSES, VOCABULARY).pairs}


def clicks(query: str, items: list[str]) -> list[SearchRow]:
    return [
        SearchRow(f"{query}-click-{n}", NOW, query, (items[n % len(items)],)) for n in range(24)
    ]


def test_what_is_typed_instead_is_a_synonym_in_that_direction_with_evidence() -> None:
    rows = [*typed_again("couch pillow", "sofa pillow", ITEMS), *other_sessions()]
    (found,) = mine_synonyms(rows, CLASSES, VOCABULARY).pairs
    assert (found.word, found.means, found.way) == ("couch", "sofa", "typed instead")
    assert found.sessions == 8
    assert found.likelihood > 10.83


def test_words_whose_clicks_are_the_same_are_synonyms_both_ways() -> None:
    rows = [*clicks("couch", ITEMS), *clicks("sofa", ITEMS)]
    assert pairs(rows, other_sessions()) == {("couch", "sofa"), ("sofa", "couch")}


def test_too_few_sessions_prove_nothing() -> None:
    assert pairs(typed_again("couch", "sofa", ITEMS, times=4), other_sessions()) == set()


def test_two_brands_or_two_colours_are_never_synonyms() -> None:
    for one, other in (("canon", "lenovo"), ("black", "white")):
        again = typed_again(f"{one} sleeve", f"{other} sleeve", ITEMS)
        both = [*clicks(one, ITEMS), *clicks(other, ITEMS)]
        assert pairs(again, both, other_sessions()) == set()


def test_a_brand_that_is_not_sold_does_not_mean_one_that_is() -> None:
    again = typed_again("apple charger", "belkin charger", ITEMS)
    assert pairs(again, other_sessions()) == set()


def test_words_asked_for_together_are_no_synonyms() -> None:
    rows = [*typed_again("small sleeve", "padded sleeve", ITEMS), *clicks("small padded", ITEMS)]
    assert pairs(rows, other_sessions()) == set()


def test_words_whose_clicks_differ_are_no_synonyms() -> None:
    rows = [*typed_again("bag", "lamp", ITEMS), *clicks("bag", ["z1", "z2", "z3"])]
    assert pairs(rows, other_sessions()) == set()


def test_words_beside_each_other_in_titles_are_no_synonyms() -> None:
    rows = [*clicks("patch", ITEMS), *clicks("cable", ITEMS)]
    assert pairs(rows, other_sessions()) == set()


def test_misspellings_plurals_and_numbers_are_no_synonyms() -> None:
    for one, other in (("keybord", "keyboard"), ("lamp", "lamps"), ("size 5", "size 7")):
        assert pairs(typed_again(one, other, ITEMS), other_sessions()) == set()


def test_log_likelihood_is_zero_at_chance_and_grows_with_evidence() -> None:
    assert log_likelihood(10, 100, 100, 1_000) == 0
    assert log_likelihood(5, 100, 100, 1_000) == 0
    assert 0 < log_likelihood(20, 100, 100, 1_000) < log_likelihood(60, 100, 100, 1_000)
