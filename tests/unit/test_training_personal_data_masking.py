"""What was found is masked in its own format, counted, and never told."""

import json
import logging
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from governance.errors import InputError
from training.personal_data.found import Found
from training.personal_data.masking import mask, masked_value
from training.personal_data.model import DIRECT_KINDS, PersonalData
from training.personal_data.patterns import find_patterns, is_card
from training.personal_data.scan import masked_texts, scan_columns, scan_texts

PROJECT_ROOT = Path(__file__).parents[2]
KEY = b"a key of thirty-two bytes for us"
PLANTED = {
    "CREDIT_CARD": "4111 1111 1111 1111",
    "EMAIL_ADDRESS": "ana.ruiz@example.com",
    "IBAN_CODE": "GB33BUKB20201555555555",
    "US_SSN": "536-90-4399",
    "IP_ADDRESS": "203.0.113.77",
    "PHONE_NUMBER": "+44 7700 900123",
    "STREET_ADDRESS": "17 Juniper Hollow Road",
    "DOMAIN_NAME": "https://www.example.com/me",
}


@given(st.text(max_size=40), st.sampled_from(sorted(DIRECT_KINDS)))
def test_a_mask_keeps_length_case_and_separators_and_changes_every_letter_and_digit(
    value: str, kind: str
) -> None:
    masked = masked_value(value, kind, KEY)
    assert len(masked) == len(value)
    assert masked == masked_value(value, kind, KEY)
    for old, new in zip(value, masked, strict=True):
        if old.isascii() and old.isalnum():
            assert new != old
            assert new.isdigit() == old.isdigit()
            assert new.isupper() == old.isupper()
        elif not old.isalnum():
            assert new == old


@given(
    st.text(alphabet="0123456789", min_size=12, max_size=19), st.binary(min_size=16, max_size=32)
)
def test_a_masked_number_fails_luhn_on_purpose(digits: str, key: bytes) -> None:
    masked = masked_value(digits, "CREDIT_CARD", key)
    assert not luhn.is_valid(masked)
    assert not is_card(masked)
    assert all(a != b for a, b in zip(digits, masked, strict=True))


@given(st.lists(st.sampled_from(sorted(PLANTED.items())), min_size=1, max_size=4))
def test_a_masked_text_holds_no_original_value_and_masking_again_changes_nothing(
    planted: list[tuple[str, str]],
) -> None:
    text = " and ".join(value for _, value in planted) + " and " + planted[0][1]
    first = mask(text, find_patterns(text), key=KEY)
    assert not [value for _, value in planted if value in first.text]
    assert len(first.text) == len(text)
    again = mask(first.text, find_patterns(first.text), key=KEY, replaced=first.replaced)
    assert again.text == first.text


def test_a_value_that_was_found_once_is_masked_wherever_it_stands() -> None:
    text = "Orsolya Quenby wrote; thanks orsolya! Orsolya Quenby again"
    masked = mask(text, [Found(0, 14, "PERSON")], key=KEY).text
    assert "Orsolya Quenby" not in masked
    assert masked[:14] == masked[-20:-6]


def test_another_key_gives_another_mask_and_a_short_key_is_refused() -> None:
    assert masked_value("Ana Ruiz", "PERSON", KEY) != masked_value("Ana Ruiz", "PERSON", KEY[::-1])
    with pytest.raises(InputError, match="key of masking"):
        mask("Ana", [], key=b"short")


def test_a_scan_tells_counts_and_masked_samples_and_no_raw_value() -> None:
    texts = [f"note {value} end" for value in PLANTED.values()] + ["clean text", None, ""]
    told = scan_texts(texts, PersonalData(), key=KEY)
    assert told.count_texts == len(texts)
    assert told.count_flagged == len(PLANTED)
    assert set(told.count_by_kind) == set(PLANTED)
    assert told.per_10_000 == pytest.approx(10_000 * len(PLANTED) / len(texts))
    columns = scan_columns({"title": texts, "query": []}, PersonalData(), key=KEY)
    written = json.dumps({name: one.as_dict() for name, one in columns.items()}) + repr(columns)
    assert not [value for value in PLANTED.values() if value in written]
    masked = "\n".join(masked_texts(texts, PersonalData(), key=KEY))
    assert not [value for value in PLANTED.values() if value in masked]


def test_what_was_found_holds_offsets_and_kinds_and_no_text() -> None:
    assert {f.name for f in fields(Found)} == {"start", "end", "kind", "confidence", "source"}
    shown = repr(find_patterns("write ana.ruiz@example.com"))
    assert "ana" not in shown


def test_no_code_of_the_model_writes_logs_or_prints() -> None:
    files = sorted((PROJECT_ROOT / "training" / "personal_data").glob("*.py"))
    assert len(files) > 10
    for path in files:
        code = path.read_text(encoding="utf-8")
        for word in ("print(", "logging", "getLogger", ".write", "open(", "warnings", "pickle"):
            assert word not in code, f"{path.name} has {word}"


def test_no_log_warning_or_output_of_a_scan_holds_a_raw_value(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        scan_texts(list(PLANTED.values()), PersonalData(), key=KEY)
        with pytest.raises(InputError) as raised:
            mask(PLANTED["EMAIL_ADDRESS"], [], key=b"")
    said = caplog.text + "".join(capsys.readouterr()) + str(raised.value)
    assert not [value for value in PLANTED.values() if value in said]
