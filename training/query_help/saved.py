"""Query help as a mapping of JSON's own types, and back. Pure: who calls it keeps the file."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from governance.errors import InputError
from training.attributes.measures import Measures, Unit
from training.query_help.completion import Completions
from training.query_help.filters import FilterWords, Name
from training.query_help.spelling import FACTS, Speller
from training.query_help.synonyms import Synonym, Synonyms
from training.query_help.vocabulary import Vocabulary

FORM = 1  # of the mapping; another is refused
Saved = dict[str, Any]
Parts = tuple[Speller, Synonyms, FilterWords, Completions]


def parts_as_json(parts: Parts) -> Saved:
    """Everything that was learned; 4 MB for a catalogue of 20,000 listings."""
    speller, synonyms, filters, completions = parts
    asked = [place for place, text in enumerate(completions.phrases) if text in completions.asked]
    return {
        "format": FORM,
        "vocabulary": {
            "counts": dict(speller.vocabulary.counts),
            "pairs": dict(speller.vocabulary.pairs),
            "language": sorted(speller.vocabulary.language),
        },
        "spelling": {
            "weights": dict(zip(FACTS, speller.weights, strict=True)),
            "least": speller.least,
        },
        "synonyms": [asdict(pair) for pair in synonyms.pairs],
        "filters": _filters_as_json(filters),
        "completions": {
            "phrases": list(completions.phrases),
            "weights": list(completions.weights),
            "asked": asked,
        },
    }


def parts_from_json(saved: Mapping[str, Any]) -> Parts:
    """What :func:`parts_as_json` gave; InputError where it is something else."""
    if saved.get("format") != FORM:
        raise _refusal(f"its format is {saved.get('format')}, this reads {FORM}")
    try:
        told = saved["vocabulary"]
        vocabulary = Vocabulary(told["counts"], told["pairs"], frozenset(told["language"]))
        weights = tuple(float(saved["spelling"]["weights"][name]) for name in FACTS)
        phrases = tuple(saved["completions"]["phrases"])
        return (
            Speller(vocabulary, weights, float(saved["spelling"]["least"])),
            Synonyms(tuple(Synonym(**pair) for pair in saved["synonyms"])),
            _filters_from_json(saved["filters"]),
            Completions(
                phrases=phrases,
                weights=tuple(saved["completions"]["weights"]),
                asked=frozenset(phrases[place] for place in saved["completions"]["asked"]),
            ),
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise _refusal(f"{type(error).__name__}: {error}") from None


def _filters_as_json(filters: FilterWords) -> Saved:
    measures = filters.measures
    return {
        "names": {phrase: asdict(name) for phrase, name in filters.names.items()},
        "numbers": {name: list(values) for name, values in filters.numbers.items()},
        "for_others": list(filters.for_others),
        "sure": filters.sure,
        "likely": filters.likely,
        "currency": filters.currency,
        "longest": filters.longest,
        "measures": {
            "units": {spelling: asdict(unit) for spelling, unit in measures.units.items()},
            "exact": {spelling: list(forms) for spelling, forms in measures.exact.items()},
            "poured": list(measures.poured),
            "screens": list(measures.screens),
            "not_screens": list(measures.not_screens),
        },
    }


def _filters_from_json(saved: Mapping[str, Any]) -> FilterWords:
    told = saved["measures"]
    measures = Measures(
        units={spelling: Unit(**unit) for spelling, unit in told["units"].items()},
        exact={spelling: tuple(forms) for spelling, forms in told["exact"].items()},
        poured=tuple(told["poured"]),
        screens=tuple(told["screens"]),
        not_screens=tuple(told["not_screens"]),
    )
    return FilterWords(
        names={phrase: Name(**name) for phrase, name in saved["names"].items()},
        numbers={name: tuple(values) for name, values in saved["numbers"].items()},
        measures=measures,
        for_others=tuple(saved["for_others"]),
        sure=float(saved["sure"]),
        likely=float(saved["likely"]),
        currency=str(saved["currency"]),
        longest=int(saved["longest"]),
    )


def _refusal(why: str) -> InputError:
    return InputError(
        "the query help cannot be read",
        where="the mapping that was saved",
        why=why,
        next_step="build the search index anew",
    )
