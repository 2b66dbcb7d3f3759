"""Completions and filters of query help, judged on held-out listings.

*Completion*: one to three neighbouring words of held-out titles, without digits, are typed letter
by letter; the reciprocal rank of the whole query among ten completions, by letters typed.
``is_known`` is the share that are phrases of the taught titles: no completer of these can do more,
unless it joins. Floor: the phrases of that beginning in order of the alphabet.
*Filters*: queries composed of held-out listings' own brand and colour, with prices, stock and
lengths, each with filters that are meant, and a quarter of queries that mean none ("case for HP",
"gifts under 5 years"). Precision and recall of filters, exact in field, operator and value. A brand
or colour that the catalogue's titles use for other things too stays a word: that costs recall.
Floor: every name of a brand or colour is a filter, and every number after a word like "under".
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from language_query_help_noise import misspelt
from language_query_help_words import timed

from training.attributes.rules_file import read_rules
from training.query_help.completion import Completions
from training.query_help.completion_lesson import MOST_PHRASES, learn_completions
from training.query_help.filter_lesson import CatalogueItem, learn_filters
from training.query_help.filters import read_filters
from training.query_help.words import words_of

LETTERS = (1, 2, 3, 4, 5, 6, 8, 10)
OFFERED = 10
Figures = dict[str, Any]
Meant = set[tuple[str, str, object]]
_MEANT_NONE = (
    "case for {brand}", "gifts under 5 years", "not in stock {word}", "over 100 ideas {word}",
    "{word} 2 in 1", "from 1990 to 2000 {word}", "{word} under the desk",
)  # fmt: skip


def completing(
    taught: Sequence[CatalogueItem],
    held_out: Sequence[CatalogueItem],
    most: int,
    draw: np.random.Generator,
) -> tuple[Figures, Figures]:
    """Mean reciprocal rank by letters typed, and speed at the most phrases that are kept."""
    known = learn_completions([item.title for item in taught])
    alphabet = Completions(known.phrases, [1.0] * len(known.phrases))
    wanted = _wanted(held_out, most // 4, draw)
    figures: Figures = {
        "queries": len(wanted),
        "phrases": len(known.phrases),
        "is_known": _mean([text in set(known.phrases) for text in wanted]),
    }
    floors: Figures = {}
    for letters in LETTERS:
        typed = [(text[:letters], text) for text in wanted if len(text) > letters]
        for found, completions in ((figures, known), (floors, alphabet)):
            ranks = [_reciprocal(completions, *one) for one in typed]
            found[f"mrr_{letters}_letters"] = _mean(ranks)
    return figures | _speed(known, wanted, draw), floors


def _wanted(items: Sequence[CatalogueItem], most: int, draw: np.random.Generator) -> list[str]:
    found = []
    for _ in range(most):
        words = words_of(items[int(draw.integers(len(items)))].title)
        count, at = int(draw.integers(1, 4)), int(draw.integers(max(len(words), 1)))
        run = words[at : at + count]
        if len(run) == count and all(word.isalpha() and len(word) > 1 for word in run):
            found.append(" ".join(run))
    return found


def _reciprocal(completions: Completions, typed: str, wanted: str) -> float:
    texts = [one.text for one in completions.complete(typed, OFFERED)]
    return 1 / (texts.index(wanted) + 1) if wanted in texts else 0.0


def _speed(known: Completions, wanted: Sequence[str], draw: np.random.Generator) -> Figures:
    """Each beginning of the queries, exact and with a slip, among ``MOST_PHRASES`` phrases."""
    words = sorted({word for phrase in known.phrases for word in phrase.split()})
    phrases = set(known.phrases)
    while len(phrases) < MOST_PHRASES:
        phrases.add(" ".join(words[int(at)] for at in draw.integers(len(words), size=3)))
    ordered = sorted(phrases)
    large = Completions(ordered, draw.random(len(ordered)).tolist())
    typed = [text[:letters] for text in wanted[:150] for letters in LETTERS if len(text) > letters]
    slips = [misspelt(text.split()[0], draw) for text in wanted[:500] if len(text.split()[0]) > 4]
    exact = timed(typed, lambda text: large.complete(text, OFFERED))
    forgiven = timed(slips, lambda text: large.complete(text, OFFERED))
    return {f"{MOST_PHRASES // 1000}k_{key}": value for key, value in exact.items()} | {
        f"{MOST_PHRASES // 1000}k_misspelt_{key}": value for key, value in forgiven.items()
    }


def filtering(
    taught: Sequence[CatalogueItem],
    held_out: Sequence[CatalogueItem],
    most: int,
    draw: np.random.Generator,
) -> tuple[Figures, Figures]:
    """Precision and recall over all filters, of the words and of a rule that doubts nothing."""
    words = learn_filters(taught, read_rules())
    queries = [_composed(item, draw) for item in _sample(held_out, most // 4, draw)]
    told = [
        {(one.field, one.op, one.value) for one in read_filters(query, words).filters}
        for query, _ in queries
    ]
    names = {phrase: (name.field, name.value) for phrase, name in words.names.items()}
    rash = [_rash(query, names) for query, _ in queries]
    meant = [meant for _, meant in queries]
    return {"queries": len(queries), **_marks(told, meant)}, _marks(rash, meant)


def _sample(
    items: Sequence[CatalogueItem], most: int, draw: np.random.Generator
) -> list[CatalogueItem]:
    usable = [item for item in items if item.brand and words_of(item.title)]
    return [usable[int(at)] for at in draw.integers(len(usable), size=most)]


def _composed(item: CatalogueItem, draw: np.random.Generator) -> tuple[str, Meant]:
    plain = [w for w in words_of(item.title) if w.isalpha() and len(w) > 3]
    plain = [w for w in plain if w not in words_of(f"{item.brand} {item.attributes}")]
    word = plain[int(draw.integers(len(plain)))] if plain else "thing"
    if draw.random() < 0.25:
        form = _MEANT_NONE[int(draw.integers(len(_MEANT_NONE)))]
        return form.format(brand=item.brand, word=word), set()
    parts, meant = [word], set()
    if draw.random() < 0.6:
        parts.insert(0, item.brand)
        meant.add(("brand", "=", item.brand))
    if (colour := item.attributes.get("colour", "")) and draw.random() < 0.6:
        parts.insert(0, colour)
        meant.add(("colour", "=", colour))
    price, high = int(draw.integers(5, 900)), int(draw.integers(900, 2_000))
    both: Meant = {("price", ">=", float(price)), ("price", "<=", float(high))}
    ways: list[tuple[str, Meant]] = [
        (f"under ${price}", {("price", "<", float(price))}),
        (f"below {price} dollars", {("price", "<", float(price))}),
        (f"up to {price}", {("price", "<=", float(price))}),
        (f"between {price} and {high}", both),
        (f"${price}-${high}", both),
        (f"over {price} usd", {("price", ">", float(price))}),
        ("in stock", {("is_in_stock", "=", True)}),
        ("under 5 m", {("length", "<", 5.0)}),
        ("at least 16 gb", {("capacity", ">=", 16.0)}),
        ("", set()),
    ]  # fmt: skip
    tail, more = ways[int(draw.integers(len(ways)))]
    return " ".join([*parts, tail]).strip(), meant | more


def _rash(query: str, names: dict[str, tuple[str, str]]) -> Meant:
    small, found = query.casefold(), set()
    for phrase, (field, value) in names.items():
        if re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", " ".join(words_of(small))):
            found.add((field, "=", value))
    for word, amount in re.findall(r"(under|below|up to|over) \$?(\d+)", small):
        op = {"up to": "<=", "over": ">"}.get(word, "<")
        found.add(("price", op, float(amount)))
    for low, high in re.findall(r"between (\d+) and (\d+)", small):
        found |= {("price", ">=", float(low)), ("price", "<=", float(high))}
    return found | ({("is_in_stock", "=", True)} if "in stock" in small else set())


def _marks(told: Sequence[Meant], meant: Sequence[Meant]) -> Figures:
    right = sum(len(one & other) for one, other in zip(told, meant, strict=True))
    said, are = sum(map(len, told)), sum(map(len, meant))
    named = [{one for one in of if one[0] in ("brand", "colour")} for of in meant]
    rest = [of - names for of, names in zip(meant, named, strict=True)]
    found = [one & other for one, other in zip(told, rest, strict=True)]
    return {
        "precision": round(right / max(said, 1), 4),
        "recall": round(right / max(are, 1), 4),
        "recall_of_numbers": round(sum(map(len, found)) / max(sum(map(len, rest)), 1), 4),
        "queries_with_a_wrong_filter": _mean(
            [bool(one - other) for one, other in zip(told, meant, strict=True)]
        ),
    }


def _mean(of: Sequence[float]) -> float:
    return round(float(np.mean(of)), 4) if len(of) else 0.0
