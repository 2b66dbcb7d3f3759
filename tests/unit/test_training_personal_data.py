"""The tagger of personal data: how it reads, what it is taught, which of its spans are told."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hostile_texts import ODD_TEXTS, STEERING
from hypothesis import given
from hypothesis import strategies as st
from tiny_encoder import tiny_checkpoint

from governance.errors import InputError
from training.encoder.checkpoint import load_encoder
from training.encoder.readable import readable
from training.fine_tuning.config import FineTuning
from training.fine_tuning.lesson import Span
from training.personal_data.address_blocks import blocks_of, with_other_block
from training.personal_data.alignment import (
    CAPITAL,
    LINE,
    align,
    with_capitals_marked,
    with_lines_marked,
)  # fmt: skip
from training.personal_data.augment import as_lesson, augmented, refilled
from training.personal_data.config import PersonalDataConfig, read_config
from training.personal_data.decoding import best_path, favoured, spans_of
from training.personal_data.fillers import FILLERS
from training.personal_data.found import Found, without_overlaps
from training.personal_data.marked import Sentences
from training.personal_data.model import DIRECT_KINDS, PersonalData
from training.personal_data.patterns import find_patterns
from training.personal_data.plausible import plausible
from training.personal_data.scan import scan_texts
from training.personal_data.tagger import windows_of
from training.personal_data.train import fit, held_out, thresholds

KEY = b"a key of thirty-two bytes for us"

raw_texts = st.text(max_size=80) | st.sampled_from(sorted(ODD_TEXTS.values(), key=len)[:8])
spans = st.tuples(st.integers(0, 60), st.integers(1, 20), st.sampled_from(sorted(DIRECT_KINDS)))


@given(raw_texts)
def test_an_aligned_text_is_its_own_readable_form_and_leads_back(text: str) -> None:
    aligned = align(text)
    assert readable(aligned.text) == aligned.text
    for marked in (aligned, with_capitals_marked(with_lines_marked(aligned, text))):
        assert len(marked.starts) == len(marked.ends) == len(marked.text)
        assert all(
            0 <= s <= e <= len(text) for s, e in zip(marked.starts, marked.ends, strict=True)
        )
        assert list(marked.starts) == sorted(marked.starts)


def test_capitals_are_marked_for_encoders_that_drop_them() -> None:
    text = "Ask Ana  Ruiz"
    marked = with_capitals_marked(align(text))
    assert marked.text == "^ Ask ^ Ana ^ Ruiz".replace("^", CAPITAL)
    start, end = marked.read(4, 13)
    assert marked.raw(start, end) == (4, 13)


def test_the_lines_of_a_text_are_marked_and_its_spans_lead_back() -> None:
    text = "Ana Ruiz\n\nElm Road 4, Bern"
    marked = with_lines_marked(align(text), text)
    assert marked.text == f"Ana Ruiz {LINE} Elm Road 4, Bern"
    assert marked.raw(*marked.read(10, 20)) == (10, 20)


def test_a_block_of_an_address_moves_with_its_pieces_into_another_sentence() -> None:
    one = ("At 7 Elm Road, Bern now", (Span(3, 13, "STREET_ADDRESS"), Span(15, 19, "GPE")))
    other = ("Bo sent Al to Oak Lane 12.", (Span(8, 10, "PERSON"), Span(14, 25, "STREET_ADDRESS")))
    blocks = blocks_of([one])
    assert blocks == [("7 Elm Road, Bern", (Span(0, 10, "STREET_ADDRESS"), Span(12, 16, "GPE")))]
    text, spans = with_other_block(np.random.default_rng(0), other, blocks)
    assert text == "Bo sent Al to 7 Elm Road, Bern."
    assert [text[s.start : s.end] for s in spans] == ["Al", "7 Elm Road", "Bern"]
    assert blocks_of([("I live in Bern", (Span(10, 14, "GPE"),))]) == []


@given(st.text(alphabet="ab \u4e00.", max_size=900))
def test_windows_cover_a_text_overlap_and_never_stall(text: str) -> None:
    windows = windows_of(text)
    assert all(0 < end - begin <= 240 for begin, end in windows)
    assert not text or (windows[0][0], windows[-1][1]) == (0, len(text))
    for (_, end), (begin, _) in pairwise(windows):
        assert 0 < end - begin <= 80


@given(st.lists(spans, max_size=8))
def test_spans_that_won_never_overlap_and_checked_ones_are_kept_whole(
    drawn: list[tuple[int, int, str]],
) -> None:
    sources = ("checked", "pattern", "tagger")
    found = [Found(s, s + n, k, 0.9, sources[s % 3]) for s, n, k in drawn]
    won = without_overlaps(found)
    assert all(not a.overlaps(b) for a in won for b in won if a is not b)
    checked = [f for f in found if f.source == "checked"]
    for one in checked:
        if not any(one.overlaps(other) for other in checked if other is not one):
            assert one in won


@given(st.integers(1, 12), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_the_best_path_never_goes_on_with_what_has_not_begun(
    words: int, kinds: int, seed: int
) -> None:
    scores = np.random.default_rng(seed).normal(size=(words, 1 + 2 * kinds)).astype(np.float32)
    path = [0, *best_path(scores).tolist()]
    for before, mark in pairwise(path):
        assert mark == 0 or mark % 2 == 1 or before in (mark - 1, mark)


def test_a_word_is_never_cut_and_what_is_less_sure_than_asked_is_dropped() -> None:
    text = "hi Miriam"
    places = np.array([[0, 2], [3, 6], [6, 9]])
    chances = np.full((3, 5), 0.02, np.float32)  # kinds: GPE, PERSON
    chances[0, 0] = chances[1, 3] = 0.92
    chances[2, 0] = 0.6  # the second piece alone would be outside
    chances[2, 4] = 0.34
    found = spans_of(text, places, chances, ("GPE", "PERSON"), {})
    assert [(f.start, f.end, f.kind) for f in found] == [(3, 9, "PERSON")]
    assert spans_of(text, places, chances, ("GPE", "PERSON"), {"PERSON": 0.99}) == []


@pytest.mark.parametrize(
    ("text", "said", "kept"),
    [
        ("my cc 4111111111111111", [(3, 5, "CREDIT_CARD")], []),
        ("Call Ana, said early Bo", [(15, 20, "PERSON"), (21, 23, "PERSON")], [(21, 23)]),
        ("my name is ana", [(11, 14, "PERSON")], [(11, 14)]),
        ("to 7 12 Elm Road Apt. 4, Bern", [(3, 4), (5, 23), (25, 29, "GPE")], [(3, 29)]),
        ("at Via Roma 131 now", [(3, 6), (7, 15)], [(3, 15)]),
        ("Soda 22 OZ", [(5, 10)], []),
        ("v 1.2.3 only", [(2, 7, "IP_ADDRESS")], []),
        ("by Hill Inc. in Bern", [(3, 11, "ORGANIZATION")], [(3, 12)]),
        ("to 7 12 Elm Road", [(3, 4), (5, 16)], [(3, 4), (5, 16)]),
        ("to 2 Elm Road, and 7 Oak Lane", [(3, 29)], [(3, 13), (19, 29)]),
        ("at the corner of 2 Elm Road and Oak Lane", [(3, 40)], [(3, 40)]),
        ("IBAN follows", [(0, 4)], []),
        ("like 70s shoes", [(5, 8, "DATE_TIME")], []),
        ("We were 6: Ana", [(8, 9, "DATE_TIME"), (11, 14, "PERSON")], [(11, 14)]),
        ("as early Ana de Wit said", [(3, 24, "PERSON")], [(9, 19)]),
        ("as van Wit said", [(3, 10, "PERSON")], [(3, 10)]),
    ],
)
def test_what_cannot_be_of_its_kind_is_dropped_and_an_address_is_put_together(
    text: str, said: list[tuple[int, ...]], kept: list[tuple[int, int]]
) -> None:
    found = [Found(*of) if len(of) == 3 else Found(*of, "STREET_ADDRESS") for of in said]
    assert [(f.start, f.end) for f in plausible(text, found)] == kept


def test_only_pieces_of_an_address_are_favoured_to_begin() -> None:
    chances = np.array([[0.2, 0.2, 0.2, 0.2, 0.2]], np.float32)
    weighed = favoured(chances, ("GPE", "PERSON"), 3.0)[0]
    assert np.allclose(weighed, np.array([1, 3, 1, 1, 1]) / 7)
    assert np.allclose(favoured(chances, ("GPE", "PERSON"), 1.0), chances)


def test_other_values_stand_where_the_old_ones_stood() -> None:
    text = "Ana lives at 4 Elm Road, call 555 0104."
    marked = (text, (Span(0, 3, "PERSON"), Span(13, 23, "STREET_ADDRESS"),
                     Span(30, 38, "PHONE_NUMBER")))  # fmt: skip
    draw = np.random.default_rng(3)
    for _ in range(20):
        other, moved = refilled(draw, marked)
        assert [s.label for s in moved] == [s.label for s in marked[1]]
        assert other[moved[0].end : moved[1].start] == " lives at "
        assert other[moved[2].end :] == "."


def test_augmentation_is_the_same_for_the_same_seed_and_marks_what_it_made() -> None:
    marked = [("Ana called", (Span(0, 3, "PERSON"),))]
    kinds = sorted(FILLERS)
    one, two = (augmented(marked, kinds, copies=2, shop=300, seed=5) for _ in range(2))
    assert one == two
    assert len(one) == 1 + 2 + 300
    assert {s.label for _, of in one for s in of} == set(kinds)
    for text, of in one:
        assert all(0 <= s.start < s.end <= len(text) for s in of)
    assert len(as_lesson(one, align)) == len(one)


def test_made_up_cards_and_accounts_check_as_real_ones_do() -> None:
    draw = np.random.default_rng(0)
    for _ in range(60):
        assert [f.kind for f in find_patterns(FILLERS["CREDIT_CARD"](draw))] == ["CREDIT_CARD"]
        assert [f.kind for f in find_patterns(FILLERS["IBAN_CODE"](draw))] == ["IBAN_CODE"]


def test_a_threshold_is_chosen_where_f2_is_highest_and_only_with_enough_spans() -> None:
    true = tuple(Found(10 * n, 10 * n + 5, "PERSON") for n in range(12))
    right = [Found(t.start, t.end, "PERSON", 0.75, "tagger") for t in true]
    wrong = [Found(t.start + 6, t.start + 9, "PERSON", 0.55, "tagger") for t in true]
    assert thresholds([(true, right + wrong)], ("PERSON", "GPE")) == {"PERSON": 0.6}
    assert thresholds([(true[:3], right[:3])], ("PERSON",)) == {}


def test_groups_are_held_out_whole() -> None:
    groups = [n // 4 for n in range(40)]
    rows = held_out(groups, share=0.3, seed=0)
    assert len(rows) == 12
    assert all((row in rows) == ((row ^ 1) in rows) for row in range(40))
    assert held_out(groups, share=0.0, seed=0) == frozenset()


def test_the_file_of_knobs_holds_the_defaults() -> None:
    assert read_config() == PersonalDataConfig()


@pytest.mark.pipeline
def test_a_tagger_learns_where_names_stand_and_steering_text_moves_nothing(tmp_path: Path) -> None:
    """Tolerance: the same spans, with confidences that move by at most .2 of 1."""
    torch.manual_seed(0)
    words = ["my", "name", "is", "call", "order", "for", "the", "please", "thanks", CAPITAL]
    encoder = load_encoder(str(tiny_checkpoint(tmp_path / "tiny", words)))
    names = ("Ana", "Bo", "Eno", "Nao", "Ena", "Oan")
    marked = [(f"my name is {n} thanks", (Span(11, 11 + len(n), "PERSON"),)) for n in names] * 8
    marked += [("please call for the order", ())] * 16
    marked += [("order for Oslo", (Span(10, 14, "GPE"),))]  # a kind whose pieces are favoured
    knobs = PersonalDataConfig(copies=0, shop=0)
    sentences = Sentences(marked, list(range(len(marked))))
    finder = fit(encoder, sentences, knobs, FineTuning(epochs=8, batch=16, learning_rate=3e-3))
    text = "my name is Neo thanks"
    found = finder.find([text])[0]
    assert [(f.start, f.end, f.kind) for f in found] == [(11, 14, "PERSON")]
    for steering in STEERING:
        steered = [f for f in finder.find([text + steering])[0] if f.end <= len(text)]
        assert [(f.start, f.end) for f in steered] == [(11, 14)]
        assert abs(steered[0].confidence - found[0].confidence) <= 0.2
    odd = list(ODD_TEXTS.values())
    for text, spans_found in zip(odd, finder.find(odd), strict=True):
        assert all(0 <= f.start < f.end <= len(text) for f in spans_found)
    sure = PersonalData(finder.tagger, finder.kinds, least=1.01)
    assert sure.find(["my name is Neo thanks"]) == [[]]
    told = scan_texts([text], finder, key=KEY).as_dict()
    assert "Neo" not in json.dumps(told)
    assert finder.find([]) == []


def test_without_marked_sentences_there_is_nothing_to_learn(tmp_path: Path) -> None:
    encoder = load_encoder(str(tiny_checkpoint(tmp_path / "tiny", ["a"])))
    with pytest.raises(InputError, match="no sentence has a span"):
        fit(encoder, Sentences([("a", ())], [0]), PersonalDataConfig(), FineTuning())
