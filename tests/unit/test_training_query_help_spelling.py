"""Spelling: what is known never changes, what is mended stays mended, and nothing crashes."""

import pytest
from hostile_texts import ODD_TEXTS, STEERING
from hypothesis import given
from hypothesis import strategies as st
from query_help_shop import small_shop
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from training.query_help.spelling import correct
from training.query_help.spelling_lesson import teach
from training.query_help.vocabulary import Vocabulary, language_words, learn_vocabulary
from training.query_help.words import folded, placed_words

TITLES = [item.title for item in small_shop()]
SPELLER = teach(learn_vocabulary(TITLES, {"mirror", "charter"}), TITLES, seed=1)
KNOWN = sorted(SPELLER.vocabulary.counts)
LETTERS = st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789 -", max_size=60)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("wireles keybord", "wireless keyboard"),
        ("patch cabel", "patch cable"),
        ("lap top charger", "laptop charger"),
        ("laserprinter", "laser printer"),
        ("Lneovo notebook", "lenovo notebook"),
    ],
)
def test_a_slip_is_mended(typed: str, meant: str) -> None:
    assert correct(typed, SPELLER).text == meant


@pytest.mark.parametrize(
    "right",
    [
        "keyboard",
        "x200s charger",
        "cabl3 patch",
        "клавиатура",
        "キーボード",
        "mirror",
        "1234",
        "cab",
    ],
)
def test_codes_numbers_scripts_and_words_of_the_language_stay(right: str) -> None:
    assert correct(right, SPELLER).text == right


def test_a_word_of_mixed_scripts_stays() -> None:
    assert correct("kеyboard", SPELLER).changes == ()  # noqa: RUF001 - a Cyrillic letter in it


def test_a_change_tells_its_reason_and_how_sure_it_is() -> None:
    (change,) = correct("keybord", SPELLER).changes
    assert change.meant == "keyboard"
    assert 0.5 < change.confidence <= 1
    assert "27 titles" in change.reason


def test_nothing_changes_where_nothing_more_is_found() -> None:
    assert correct("keybord", SPELLER, count=lambda _: 3).changes == ()
    assert correct("keybord", SPELLER, count=lambda text: len(text)).text == "keyboard"


def test_a_query_that_finds_nothing_may_be_changed_sooner() -> None:
    careful = SPELLER.__class__(SPELLER.vocabulary, SPELLER.weights, least=1.0)
    assert correct("keybord", careful).changes == ()
    assert correct("keybord", careful, count=lambda text: int("keyboard" in text)).changes


@given(st.lists(st.sampled_from(KNOWN), max_size=6), LETTERS)
def test_known_words_never_lose_a_letter(known: list[str], more: str) -> None:
    before = folded(" ".join([*known, more]))
    after = correct(before, SPELLER).text.replace(" ", "")
    place = 0
    for word in placed_words(before):
        if SPELLER.vocabulary.is_known(word.text):
            place = after.find(word.text, place)
            assert place >= 0
            place += len(word.text)


@given(st.one_of(LETTERS, st.text(max_size=40), st.lists(st.sampled_from(KNOWN)).map(" ".join)))
def test_what_was_corrected_is_not_corrected_again(query: str) -> None:
    once = correct(query, SPELLER).text
    assert correct(once, SPELLER).text == once


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS.keys())
def test_odd_texts_are_answered(text: str) -> None:
    assert isinstance(correct(text, SPELLER).text, str)


@pytest.mark.parametrize("steering", STEERING)
def test_words_that_steer_do_not_change_a_mend(steering: str) -> None:
    (change,) = [
        c for c in correct("keybord" + steering, SPELLER).changes if c.written == "keybord"
    ]
    alone = correct("keybord", SPELLER).changes[0]
    assert change.meant == alone.meant
    assert change.confidence == pytest.approx(alone.confidence, abs=0.2)  # neighbours do count


def test_the_same_seed_teaches_the_same_speller() -> None:
    again = teach(learn_vocabulary(TITLES, {"mirror", "charter"}), TITLES, seed=1)
    assert (again.weights, again.least) == (SPELLER.weights, SPELLER.least)


def test_words_near_are_those_within_the_edits() -> None:
    known = Vocabulary({"cable": 9, "cables": 4, "table": 3, "stable": 2, "gable": 1})
    assert dict(known.near("cable", 1)) == {"cables": 1, "table": 1}
    assert dict(known.near("calbe", 1)) == {"cable": 1}  # two neighbours swapped are one edit
    assert known.near("x" * 100, 2) == []


def test_no_titles_teach_a_speller_that_changes_nothing() -> None:
    assert correct("keybord", teach(learn_vocabulary([]), [], seed=1)).text == "keybord"


SENTENCES = ["a floor lamp and a desk lamp", "the lamp für Lamp desk 24 lamps"] * 20


@pytest.mark.parametrize(
    ("model", "begins", "trainer"),
    [
        (
            models.Unigram(),
            pre_tokenizers.Metaspace(),
            trainers.UnigramTrainer(vocab_size=60, show_progress=False),
        ),
        (
            models.BPE(),
            pre_tokenizers.ByteLevel(),
            trainers.BpeTrainer(vocab_size=90, show_progress=False),
        ),
        (
            models.WordPiece(unk_token="[UNK]"),
            pre_tokenizers.Whitespace(),
            trainers.WordPieceTrainer(vocab_size=90, show_progress=False),
        ),
    ],
    ids=["unigram", "bpe", "wordpiece"],
)
def test_every_kind_of_tokenizer_gives_its_whole_words_and_no_parts(model, begins, trainer):
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = begins
    tokenizer.train_from_iterator(SENTENCES, trainer)
    found = language_words(tokenizer.get_vocab())
    assert "lamp" in found
    assert all(word.isalpha() and word == word.casefold() for word in found)


@pytest.mark.parametrize("mark", ["▁", "Ġ"])
def test_a_part_of_a_word_is_no_word_of_the_language(mark):
    tokens = [f"{mark}lamp", f"{mark}Desk", "ing", "able", f"{mark}24", mark, "<s>", "ĠfÃªte"]
    assert language_words(tokens) == {"lamp", "desk"}
