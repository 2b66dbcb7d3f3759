"""Made-up values of each kind of personal data in many countries' formats.

Dimensions: none. Pure: the same generator gives the same values. Cards pass Luhn and IBANs mod 97,
as real ones do, so that a tagger sees what patterns see.
"""

from collections.abc import Callable

from numpy.random import Generator
from stdnum import luhn
from stdnum.iso7064 import mod_97_10

from training.personal_data.names import (
    city,
    composed,
    firm,
    first_name,
    group,
    last_name,
    person,
    pick,
    place,
    title,
    word,
    words,
)

_CARDS = (("4", 16), ("51", 16), ("2221", 16), ("37", 15), ("6011", 16), ("36", 14), ("4", 13),
          ("4", 19), ("3528", 16), ("5018", 12))  # fmt: skip
_ACCOUNTS = (("DE", "#" * 18), ("GB", "WEST" + "#" * 14), ("FR", "#" * 23),
             ("NL", "ABNA" + "#" * 10), ("ES", "#" * 20), ("SE", "#" * 20))  # fmt: skip


def digits_in(draw: Generator, form: str) -> str:
    """``form`` with a digit for each ``#``."""
    return "".join(str(draw.integers(10)) if c == "#" else c for c in form)


def street(draw: Generator) -> str:
    """A street with its house number."""
    form = word(draw, "streets")
    while "{w}" in form:
        name = composed(draw) if draw.random() < 0.4 else last_name(draw)
        form = form.replace("{w}", name, 1)
    return form.replace("{n}", str(draw.integers(1, 10 ** int(draw.integers(1, 5)))))


def address(draw: Generator) -> str:
    """A street, perhaps with unit, town, region, code and country, on one line or several."""
    if draw.random() < 0.06:
        return f"the corner of {street(draw)} and {street(draw)}"
    parts = [street(draw)]
    if draw.random() < 0.1:
        parts[0] = f"{draw.integers(1, 99999):05d} {parts[0]}"
    if draw.random() < 0.3:
        return parts[0]
    joint = pick(draw, (", ", "\n", " ", "\n "))
    if draw.random() < 0.6:
        parts[0] += pick(draw, (" ", joint)) + digits_in(draw, word(draw, "units"))
    parts.append(city(draw).upper() if draw.random() < 0.2 else city(draw))
    code = digits_in(draw, pick(draw, ("#####", "####", "### ##")))
    if draw.random() < 0.4:
        parts.append(f"{word(draw, 'countries')}{pick(draw, (' ', joint))}{code}")
    elif draw.random() < 0.5:
        parts[-1] += f", {pick(draw, ('CA', 'NSW', 'RS', 'TX', 'ON', 'WA', 'NE'))} {code}"
    else:
        parts[-1] = f"{code} {parts[-1]}"
    return joint.join(parts)


def card(draw: Generator) -> str:
    """A number that passes Luhn, in blocks or not."""
    head, size = _CARDS[int(draw.integers(len(_CARDS)))]
    body = head + digits_in(draw, "#" * (size - len(head) - 1))
    number = body + luhn.calc_check_digit(body)
    joint = pick(draw, ("", "", "", " ", "-"))
    return joint.join(number[i : i + 4] for i in range(0, size, 4))


def iban(draw: Generator) -> str:
    """An account whose check digits hold."""
    country, form = _ACCOUNTS[int(draw.integers(len(_ACCOUNTS)))]
    body = digits_in(draw, form)
    written = "".join(str(int(c, 36)) for c in f"{body}{country}")
    number = country + mod_97_10.calc_check_digits(written) + body
    blocks = [number[i : i + 4] for i in range(0, len(number), 4)]
    return " ".join(blocks) if draw.random() < 0.3 else number


def email(draw: Generator) -> str:
    """An address of mail."""
    name = f"{first_name(draw)}{pick(draw, ('.', '', '_', '-'))}{last_name(draw)}"
    plain = "".join(c for c in name if c.isascii() and (c.isalnum() or c in "._-"))
    return f"{plain if draw.random() < 0.4 else plain.lower()}@{_site(draw).lower()}"


def web_address(draw: Generator) -> str:
    """A site, with its scheme or not."""
    head = pick(draw, ("https://www.", "http://", "https://", "www.", ""))
    return head + _site(draw) + (pick(draw, ("", "/", "/shop", "/me")) if head else "")


def date(draw: Generator) -> str:
    """A day, a year, a weekday or a moment."""
    year, month, day = draw.integers(1940, 2027), draw.integers(1, 13), draw.integers(1, 29)
    named = words()["months"][int(month) - 1]
    moment = f"{draw.integers(24):02d}:{draw.integers(60):02d}:{draw.integers(60):02d}"
    return pick(
        draw,
        (f"{month}/{day}/{year}", f"{day:02d}.{month:02d}.{year}", f"{year}-{month:02d}-{day:02d}",
         f"{year}-{month:02d}-{day:02d} {moment}", str(year), word(draw, "days"), str(year),
         word(draw, "days"), f"{named} {day}, {year}", f"{day} {named} {year}", f"{named} {year}"),
    )  # fmt: skip


def _site(draw: Generator) -> str:
    return composed(draw) + composed(draw) + word(draw, "sites")


def _age(draw: Generator) -> str:
    return str(draw.integers(1, 100))


def _of(*forms: str) -> Callable[[Generator], str]:
    return lambda draw: digits_in(draw, pick(draw, forms))


def _ip(draw: Generator) -> str:
    if draw.random() < 0.2:
        return ":".join(f"{draw.integers(65536):x}" for _ in range(8))
    return ".".join(str(draw.integers(1, 255)) for _ in range(4))


FILLERS: dict[str, Callable[[Generator], str]] = {
    "PERSON": person, "STREET_ADDRESS": address, "GPE": place, "ORGANIZATION": firm,
    "DATE_TIME": date, "CREDIT_CARD": card, "TITLE": title, "AGE": _age,
    "PHONE_NUMBER": lambda draw: digits_in(draw, word(draw, "phones")),
    "NRP": group, "DOMAIN_NAME": web_address, "EMAIL_ADDRESS": email,
    "ZIP_CODE": _of("#####", "####", "#####-####", "### ##"), "IBAN_CODE": iban, "IP_ADDRESS": _ip,
    "US_SSN": _of("###-##-####", "#########"),
    "US_DRIVER_LICENSE": _of("A#######", "S###-####-####"),
}  # fmt: skip
