"""Completions: they go on from what is typed, forgive a slip, and tell nobody's secret."""

import pytest
from hostile_texts import ODD_TEXTS
from hypothesis import given
from hypothesis import strategies as st
from query_help_shop import NOW, asked, small_shop

from training.query_help.completion import beginning_of
from training.query_help.completion_lesson import MIN_USERS, learn_completions

TITLES = [item.title for item in small_shop()]
KNOWN = learn_completions(
    TITLES,
    [*asked("keyboard with lights", users=9), *asked("keyboard for one person", users=4)],
    names=["Belkin"],
    as_of=NOW,
)


def texts(typed: str) -> list[str]:
    return [one.text for one in KNOWN.complete(typed)]


def test_asked_queries_come_before_phrases_of_titles() -> None:
    assert texts("keyb")[0] == "keyboard with lights"
    assert "keyboard black" in texts("keyb")


def test_a_query_that_few_asked_is_never_offered() -> None:
    assert "keyboard for one person" not in KNOWN.phrases


def test_the_same_person_asking_often_is_one_person() -> None:
    rows = [row for _ in range(MIN_USERS * 3) for row in asked("my secret wish", users=1)]
    nobody = [
        row.__class__(row.session_id, row.at, row.query) for row in asked("unnamed wish", users=20)
    ]
    found = learn_completions([], [*rows, *nobody])
    assert found.phrases == ()


@pytest.mark.parametrize(
    "query",
    [
        "jane.roe@example.org",
        "call 555-867-5309",
        "4111 1111 1111 1111",
        "12 main street",
        "10.20.30.40",
    ],
)
def test_personal_data_is_never_offered_however_many_ask(query: str) -> None:
    assert learn_completions([], asked(query, users=50)).phrases == ()


def test_a_number_of_a_person_in_titles_is_not_offered_either() -> None:
    found = learn_completions(["call 5558675309 phone now", "sell 4111 1111 1111 1111 here"] * 9)
    assert not any("4111 1111 1111 1111" in phrase for phrase in found.phrases)


def test_queries_from_the_cutoff_on_are_not_read_and_old_ones_weigh_less() -> None:
    rows = [*asked("old wish", users=9, days_ago=300), *asked("oldest news", users=9, days_ago=1)]
    found = learn_completions([], [*rows, *asked("olive later", users=9, days_ago=-1)], as_of=NOW)
    assert [one.text for one in found.complete("ol")] == ["oldest news", "old wish"]


def test_the_last_words_are_completed_where_no_phrase_has_the_whole() -> None:
    assert "purple wireless keyboard" in texts("purple wirel")


def test_a_slip_is_forgiven_after_the_third_letter_and_flagged() -> None:
    assert texts("kyb") == []
    found = KNOWN.complete("kybo")
    assert found[0].text == "keyboard with lights"
    assert all(one.is_forgiving for one in found)


TYPED = st.one_of(
    st.text(max_size=30),
    st.sampled_from(KNOWN.phrases).flatmap(lambda p: st.integers(1, len(p)).map(lambda n: p[:n])),
)


@given(TYPED)
def test_completions_begin_with_what_is_typed_or_say_that_they_forgive(typed: str) -> None:
    found = KNOWN.complete(typed, 10)
    assert len(found) <= 10
    assert len({one.text for one in found}) == len(found)
    for one in found:
        assert one.is_forgiving or one.text.startswith(beginning_of(typed))


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS.keys())
def test_odd_texts_are_answered(text: str) -> None:
    assert len(KNOWN.complete(text)) <= 10
