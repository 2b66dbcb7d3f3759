"""What one review says of each aspect, with the clauses and words that show it: for a person.

``aspects.py`` makes tables of many reviews; a clause counts there as it does here. Knows no files.
"""

from dataclasses import dataclass

from training.sentiment.aspects import LEXICON, aspects_of, clauses_of, words_of_aspect
from training.sentiment.model import SentimentModel


@dataclass(frozen=True)
class Said:
    """``polarity`` is the mean of the clauses', -1 to 1; ``words`` put them under the aspect."""

    aspect: str
    polarity: float
    words: tuple[str, ...]
    clauses: tuple[str, ...]


def said_of(text: str, model: SentimentModel) -> tuple[Said, ...]:
    """The aspects that a review speaks of, in the lexicon's order."""
    clauses = clauses_of(text)
    polarity = model.polarities(clauses)
    found = []
    for aspect in LEXICON:
        rows = [row for row, clause in enumerate(clauses) if aspect in aspects_of(clause)]
        if rows:
            words = [word for row in rows for word in words_of_aspect(clauses[row], aspect)]
            shown = tuple(clauses[row] for row in rows)
            mean = float(polarity[rows].mean())
            found.append(Said(aspect, mean, tuple(dict.fromkeys(words)), shown))
    return tuple(found)
