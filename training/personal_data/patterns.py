"""Personal data that has a grammar: patterns, the checks behind them, the words around them.

Dimensions: none. Pure; knows no files. A pattern gives a confidence; a word near it raises that
confidence, another lowers it, and what is below ``LEAST`` is not told. Where a checksum or a strict
grammar agrees, the span is ``checked`` and wins over what a network says.
"""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from stdnum import iban, luhn
from stdnum.exceptions import ValidationError
from stdnum.us import ssn

from training.personal_data.found import Found, Source, without_overlaps
from training.personal_data.national_numbers import NUMBERS, checker

NATIONAL = "NATIONAL_NUMBER"
LEAST = 0.5  # confidence below which a pattern alone is not told
MOST_CHARACTERS = 1_000_000  # of one text; every pattern below is linear in it
_NEAR = 40  # characters before a match in which a word counts: about seven words
_RAISED, _LOWERED = 0.35, 0.45  # of a strict form's .9: less than LEAST is left

_MODEL_WORDS = ("model", "sku", "isbn", "ean", "upc", "gtin", "part", "article", "serial",
                "artikel", "ref", "mpn")  # fmt: skip
_PHONE_WORDS = ("phone", "telephone", "tel", "call", "calling", "mobile", "cell", "fax",
                "whatsapp", "sms", "text me", "text", "message", "telefon", "telefonnummer",
                "rufnummer", "téléphone", "teléfono", "handy", "handynummer")  # fmt: skip
# Read as the character beside it, one for one, so that places stay: what web pages write.
_READ_AS = {
    **dict.fromkeys(map(ord, "\u00a0\u2007\u2009\u202f\u3000"), " "),
    **dict.fromkeys(range(0x2010, 0x2016), "-"),
    0x2212: "-",  # minus
    **{full: chr(full - 0xFEE0) for full in range(0xFF01, 0xFF5F)},  # full-width
}


@dataclass(frozen=True)
class Pattern:
    """How a kind is written, how sure that alone is, and what a match must pass."""

    kind: str
    form: re.Pattern[str]
    confidence: float
    raising: tuple[str, ...] = ()
    lowering: tuple[str, ...] = ()
    check: Callable[[str], bool] | None = None  # a match that fails it is none
    is_strict: bool = False  # a match that passes is ``checked``


def find_patterns(text: str, kinds: Collection[str] = ()) -> list[Found]:
    """The spans of the patterns of ``kinds``, or of all, in raw characters, without overlaps.

    What is not asked for takes no place: an address of mail within a link is found where links are
    not.
    """
    read = text[:MOST_CHARACTERS].translate(_READ_AS)
    lowered = read.lower() if len(read.lower()) == len(read) else read  # İ grows: offsets first
    wanted = [pattern for pattern in PATTERNS if not kinds or pattern.kind in kinds]
    found = [span for pattern in wanted for span in _matches(pattern, read, lowered)]
    if not kinds or NATIONAL in kinds:
        found += _national(read, lowered)
    return without_overlaps(found)


def is_card(number: str) -> bool:
    """A card's number: a known issuer's first digits and length, and Luhn's check digit."""
    digits = re.sub(r"[ -]", "", number)
    known = any(len(digits) in sizes and digits.startswith(head) for head, sizes in _ISSUERS)
    return known and len(set(digits)) > 1 and luhn.is_valid(digits)


_ISSUERS: tuple[tuple[tuple[str, ...], tuple[int, ...]], ...] = (
    (("4",), (13, 16, 19)),  # Visa
    (tuple(map(str, range(51, 56))) + tuple(map(str, range(2221, 2721))), (16,)),  # Mastercard
    (("34", "37"), (15,)),  # American Express
    (("30", "36", "38", "39"), (14,)),  # Diners
    (("2131", "1800"), (15,)),  # JCB, older
    (("35",), (16,)),  # JCB
    (("6011", "64", "65"), (16, 19)),  # Discover
    (("62",), (16, 17, 18, 19)),  # UnionPay
    (("50", "56", "57", "58", "59", "60", "61", "63", "66", "67", "68", "69"),
     tuple(range(12, 20))),  # Maestro
)  # fmt: skip


def _is_iban(number: str) -> bool:
    try:
        iban.validate(number.upper(), check_country=False)
    except ValidationError:
        return False
    return True


def _is_net_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return len(text) > 6  # "::" and "1::2" are times and ratios more often than addresses


def _has_phone_digits(text: str) -> bool:
    return 7 <= sum(c.isdigit() for c in text) <= 15  # E.164 ends at 15; below 7 nobody is called


def _form(pattern: str, flags: int = 0) -> re.Pattern[str]:
    return re.compile(pattern, flags)


_WORD_BEFORE, _WORD_AFTER = r"(?<![\w@.+-])", r"(?![\w@]|[.-]\w)"
_TOP = (
    r"(?:com|org|net|info|biz|edu|gov|io|co|app|dev|shop|store|online|me|tv|eu|us|uk|de|fr|es|it|"
)
_TOP += r"nl|be|ch|at|se|no|dk|fi|is|ie|pt|pl|cz|sk|hu|ro|bg|gr|ru|ua|ee|lv|lt|si|hr|rs|gl|cy|tn|"
_TOP += r"ca|au|nz|br|mx|ar|uy|cl|jp|cn|kr|in|sg|hk|za|tr|il|ae)"
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"

_EMAIL = _form(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}\w{2,24}(?!\w)")
_URL = _form(r"\b(?:https?://|ftp://|www\.)[^\s<>\"']{3,2000}(?<![.,;:!?)\]])", re.IGNORECASE)
_BARE_DOMAIN = _form(
    rf"(?<![\w@./-])(?:[a-z\d][a-z\d-]{{1,62}}\.){{1,4}}{_TOP}(?![\w@-])", re.IGNORECASE
)
_IP_4 = _form(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d)")
_IP_6 = _form(r"(?<![\w:])(?:[\da-f]{0,4}:){2,7}[\da-f]{0,4}(?![\w:])", re.IGNORECASE)
_IBAN = _form(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z\d]{4}){2,7}(?: ?[A-Z\d]{1,3})?(?!\w)", re.IGNORECASE)
_CARD = _form(r"(?<![\w.-])\d(?:[ -]?\d){11,18}(?![\w-]|\.\d)")
_PLUS_PHONE = _form(r"(?<![\w+])(?:\+|00)[1-9]\d{0,2}(?:[ .-]?\(?\d{1,4}\)?){2,6}(?![\w-])")
_US_PHONE = _form(rf"{_WORD_BEFORE}\(?\d{{3}}\)?[ .-]\d{{3}}[.-]\d{{4}}(?:x\d{{1,5}})?(?![\w-])")
_ZERO_PHONE = _form(rf"{_WORD_BEFORE}0\d{{1,4}}(?:[ ./-]?\d{{2,4}}){{2,4}}(?![\w-])")
_SPACED_PHONE = _form(rf"{_WORD_BEFORE}\d{{2,4}}(?:[ .-]\d{{2,4}}){{1,4}}(?![\w-])")
_PLAIN_PHONE = _form(r"(?<![\w.-])\d{9,11}(?![\w-]|\.\d)")
_ISO_DATE = _form(
    r"(?<![\w-])(?:19|20)\d\d-[01]\d-[0-3]\d(?:[T ][0-2]\d:[0-5]\d(?::[0-5]\d)?)?(?![\w-])"
)
_NUMBERS_DATE = _form(r"(?<![\w/])[0-3]?\d([/.])[0-3]?\d\1(?:19|20)\d\d(?![\w/])")
_NAMED_DATE = _form(
    rf"\b(?:\d{{1,2}} {_MONTH},? (?:19|20)\d\d|{_MONTH} \d{{1,2}},? (?:19|20)\d\d)\b",
    re.IGNORECASE,
)
_YEARS_OLD = _form(r"(?<![\w.-])\d{1,3}(?=[ -](?:years?[ -]old|yrs? old|y/o)\b)")
_CAME_OF_AGE = _form(r"(?<=\bage of )\d{1,3}\b|(?<=\bturned )\d{1,3}\b")
_POSTCODE = _form(r"\b[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}\b|\b[A-Z]\d[A-Z] \d[A-Z]\d\b")
_NUMBER_STREET = _form(
    r"(?<![\w-])\d{1,5}[A-D]? (?:[NSEW]\.? )?(?:[A-Z][\w'-]+ ){1,3}"
    r"(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Court|Ct|Boulevard|Blvd|Square|Terrace|"
    r"Crescent|Way|Close)\b\.?(?:,? (?:Apt|Suite|Unit|Flat)\.? \d+[A-Z]?)?"
)
_STREET_NUMBER = _form(
    r"\bP\.? ?O\.? Box \d{1,6}\b|\b[A-ZÄÖÜ][a-zäöüß-]{2,30}(?:straße|strasse|str\.|gasse|weg|"
    r"platz|gatan|vägen|vej|straat|laan|katu|tie) \d{1,4}[a-z]?\b"
)
_LICENCE = _form(r"(?<![\w-])[A-Z]{0,3}\d[\d-]{5,13}(?![\w-])")
_HONORIFIC = _form(r"\b(?:Mr|Mrs|Ms|Dr|Prof)\.(?= [A-Z])")


def _phone(form: re.Pattern[str], confidence: float) -> Pattern:
    return Pattern(
        "PHONE_NUMBER", form, confidence, _PHONE_WORDS, _MODEL_WORDS, check=_has_phone_digits
    )


_POST_WORDS = ("zip", "postcode", "postal code", "plz")
_SSN_WORDS = ("ssn", "social security")

PATTERNS = (
    Pattern("EMAIL_ADDRESS", _EMAIL, 0.95, is_strict=True),
    Pattern("DOMAIN_NAME", _URL, 0.95, is_strict=True),
    Pattern("DOMAIN_NAME", _BARE_DOMAIN, 0.4, ("site", "web", "visit", "http", "shop")),
    Pattern("IP_ADDRESS", _IP_4, 0.9, (), ("version", "firmware", "v"), _is_net_address, True),
    Pattern("IP_ADDRESS", _IP_6, 0.9, check=_is_net_address, is_strict=True),
    Pattern("IBAN_CODE", _IBAN, 0.95, check=_is_iban, is_strict=True),
    Pattern("CREDIT_CARD", _CARD, 0.9, ("card", "visa", "cc"), _MODEL_WORDS, is_card, True),
    Pattern("US_SSN", _form(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])"), 0.85, _SSN_WORDS,
            _MODEL_WORDS, ssn.is_valid, True),
    Pattern("US_SSN", _form(r"(?<![\w-])\d{9}(?![\w-])"), 0.2, _SSN_WORDS, check=ssn.is_valid),
    _phone(_PLUS_PHONE, 0.7),
    _phone(_US_PHONE, 0.65),
    _phone(_ZERO_PHONE, 0.4),
    _phone(_SPACED_PHONE, 0.2),
    _phone(_PLAIN_PHONE, 0.2),
    Pattern("DATE_TIME", _ISO_DATE, 0.8),
    Pattern("DATE_TIME", _NUMBERS_DATE, 0.8),
    Pattern("DATE_TIME", _NAMED_DATE, 0.8),
    Pattern("AGE", _YEARS_OLD, 0.7, (), ("whisky", "whiskey", "rum", "scotch", "aged")),
    Pattern("AGE", _CAME_OF_AGE, 0.7),
    Pattern("ZIP_CODE", _form(r"(?<![\w-])\d{3,5}(?:-\d{3,4})?(?![\w-])"), 0.2, _POST_WORDS,
            _MODEL_WORDS),
    Pattern("ZIP_CODE", _POSTCODE, 0.4, (*_POST_WORDS, "address")),
    Pattern("US_DRIVER_LICENSE", _LICENCE, 0.2, ("driver", "license", "licence"), _MODEL_WORDS),
    Pattern("TITLE", _HONORIFIC, 0.55),
    Pattern("STREET_ADDRESS", _NUMBER_STREET, 0.6),
    Pattern("STREET_ADDRESS", _STREET_NUMBER, 0.6),
)  # fmt: skip


def _matches(pattern: Pattern, text: str, lowered: str) -> Iterator[Found]:
    for match in pattern.form.finditer(text):
        span = _passing(pattern, match)
        if span is None:
            continue
        sure = _weighed(pattern, lowered, span[0])
        if sure >= LEAST:
            source: Source = "checked" if pattern.is_strict else "pattern"
            yield Found(*span, pattern.kind, sure, source)


def _passing(pattern: Pattern, match: re.Match[str]) -> tuple[int, int] | None:
    """The match, or of a strict form the longest run of its parts that passes the check.

    A form reads on over a gap: of a card and what follows it, the year it ends in.
    """
    value, check = match.group(), pattern.check
    if check is None or check(value):
        return match.span()
    parts = [part.span() for part in re.finditer(r"[^ -]+", value)] if pattern.is_strict else []
    runs = [(start, end) for at, (start, _) in enumerate(parts) for _, end in parts[at:]]
    passing = [run for run in runs if check(value[slice(*run)])]
    if not passing:
        return None
    start, end = max(passing, key=lambda run: run[1] - run[0])
    return match.start() + start, match.start() + end


def _weighed(pattern: Pattern, lowered: str, start: int) -> float:
    near = lowered[max(start - _NEAR, 0) : start]
    sure = pattern.confidence + _RAISED * _has_word(near, pattern.raising)
    return min(max(sure - _LOWERED * _has_word(near, pattern.lowering), 0.0), 0.99)


def _has_word(near: str, words: tuple[str, ...]) -> bool:
    return any(re.search(rf"(?<!\w){re.escape(word)}s?(?!\w)", near) for word in words)


def _national(text: str, lowered: str) -> Iterator[Found]:
    for number in NUMBERS:
        for match in number.form.finditer(text):
            near = lowered[max(match.start() - _NEAR, 0) : match.start()]
            if not number.stands_alone and not _has_word(near, number.words):
                continue
            if checker(number.module)(match.group()):
                yield Found(match.start(), match.end(), NATIONAL, 0.95, "checked")
