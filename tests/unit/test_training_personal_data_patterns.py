"""Personal data that has a grammar: found where its checks hold, and not in clean titles."""

import pytest
from hostile_texts import ODD_TEXTS, STEERING

from training.personal_data.alignment import align
from training.personal_data.masking import mask
from training.personal_data.model import DIRECT_KINDS, PersonalData
from training.personal_data.patterns import find_patterns

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
NATIONAL = ("123.456.789-09", "12345678Z", "811228-9874", "RSSMRA85T10A562S", "131052-308T")


def kinds_in(text: str) -> dict[str, str]:
    return {text[f.start : f.end]: f.kind for f in find_patterns(text)}


@pytest.mark.parametrize(("kind", "value"), sorted(PLANTED.items()))
def test_a_planted_value_is_found_where_it_stands(kind: str, value: str) -> None:
    text = f"Lovely blanket, but {value} was on the box."
    assert kinds_in(text).get(value) == kind


@pytest.mark.parametrize("value", NATIONAL)
def test_a_national_number_counts_when_its_check_digits_hold(value: str) -> None:
    assert kinds_in(f"my number is {value} ok") == {value: "NATIONAL_NUMBER"}
    other = value[:4] + str((int(value[4]) + 1) % 10 if value[4].isdigit() else "X") + value[5:]
    assert "NATIONAL_NUMBER" not in kinds_in(f"my number is {other} ok").values()


def test_a_number_without_its_checksum_is_no_card_iban_or_ssn() -> None:
    wrong = "4111 1111 1111 1112 and GB33BUKB20201555555556 and 000-12-3456"
    assert not {"CREDIT_CARD", "IBAN_CODE", "US_SSN"} & set(kinds_in(wrong).values())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("pay 4111 1111 1111 1111 12/27", "4111 1111 1111 1111"),
        ("order 12 4111 1111 1111 1111", "4111 1111 1111 1111"),
        ("4111 1111 1111 1111 123", "4111 1111 1111 1111"),
        ("ES9121000418450200051332 for the refund", "ES9121000418450200051332"),
        ("BE68 5390 0754 7034 with love", "BE68 5390 0754 7034"),
        ("my partner's number is +34 612 345 678", "+34 612 345 678"),
        ("refund please, +34 612 345 678", "+34 612 345 678"),
        ("the items: 415-555-2671", "415-555-2671"),
        ("call +34\u00a0612\u00a0345\u00a0678", "+34\u00a0612\u00a0345\u00a0678"),
        ("call 415\u2011555\u20112671", "415\u2011555\u20112671"),
        ("see https://shop.example/leave?email=ana@example.com", "ana@example.com"),
        ("http://203.0.113.77/admin", "203.0.113.77"),
        ("dni 12345678z", "12345678z"),
    ],
)
def test_what_stands_beside_or_around_a_value_does_not_hide_it(text: str, value: str) -> None:
    (found,) = find_patterns(text, DIRECT_KINDS)
    assert text[found.start : found.end] == value


@pytest.mark.parametrize(
    "text", ["firmware version 1.2.3.4", "Office desk 120 60 75 cm", "Television 3840 2160"]
)
def test_versions_and_measures_are_no_addresses_and_no_phones(text: str) -> None:
    assert find_patterns(text, DIRECT_KINDS) == []


def test_words_nearby_raise_and_lower_what_a_pattern_is_worth() -> None:
    assert kinds_in("call 555 010 447") == {"555 010 447": "PHONE_NUMBER"}
    assert kinds_in("driver's licence A1234567") == {"A1234567": "US_DRIVER_LICENSE"}
    assert kinds_in("shelf 555 010 447") == {}
    assert kinds_in("part number +44 7700 900123") == {}


@pytest.mark.parametrize(
    "title",
    [
        "HP 48X PATA CD-ROM Drive", "USB hub 2.0 4x 10/100/1000 v1.2.3.4", "Whisky 12 years old",
        "Cable 3.5mm 20-30-40 cm", "EAN 4006381333931 pen", "Paul's Mitchell Shampoo 300 ml",
        "Ink 364XL 1:2:3 pack", "TV 55\" 3840x2160 2019", "Screws M4-20-100, 250 pcs",
    ],
)  # fmt: skip
def test_a_clean_title_has_no_personal_data_by_pattern(title: str) -> None:
    assert PersonalData(kinds=DIRECT_KINDS).find([title]) == [[]]


@pytest.mark.pipeline
@pytest.mark.parametrize("name", sorted(ODD_TEXTS))
def test_odd_texts_are_read_by_every_part_without_a_crash(name: str) -> None:
    text = ODD_TEXTS[name]
    for found in (find_patterns(text), PersonalData().find([text])[0]):
        assert all(0 <= f.start < f.end <= len(text) for f in found)
    assert mask(text, find_patterns(text), key=KEY).text == text  # nothing personal in them
    align(text[:20_000])


@pytest.mark.parametrize("steering", STEERING)
def test_text_that_tries_to_steer_changes_no_pattern_and_no_confidence(steering: str) -> None:
    text = "Refund to 4111 1111 1111 1111, write ana.ruiz@example.com"
    assert find_patterns(text + steering) == find_patterns(text)


@pytest.mark.pipeline
def test_patterns_read_a_megabyte_in_seconds() -> None:
    found = find_patterns("1234 5678 " * 20_000 + "a." * 50_000 + "a-" * 50_000)
    assert len(found) < 20_000
