"""A misspelt word and the catalogue's word for it, where the words beside it agree. Pure."""

from dataclasses import dataclass

from training.listing_quality.listing import Listing, text_of, words_of
from training.listing_quality.word_statistics import Vocabulary

LEAST_LETTERS = 5  # shorter words have too many neighbours
_SURE, _LIKELY = 0.95, 0.85  # one slip, two slips; the measured share right is in the bench


@dataclass(frozen=True)
class Correction:
    """``word`` as written at ``place`` among the title's words, and what it should be."""

    word: str
    place: int
    right: str
    confidence: float
    why: str


def corrections(listing: Listing, vocabulary: Vocabulary) -> list[Correction]:
    """Words of the title that nobody else writes and that are a slip away from a common one."""
    words = words_of(text_of(listing.title))
    folded = [word.casefold() for word in words]
    told = {word.casefold() for word in words_of(text_of(listing.description))}
    found = []
    for place, word in enumerate(folded):
        if not _is_strange(words[place], vocabulary) or word in told:
            continue
        if word in text_of(listing.brand).casefold():
            continue
        around = (folded[place - 1] if place else "", [*folded, ""][place + 1])
        if chosen := _chosen(word, around, told, vocabulary):
            right, slips, why = chosen
            confidence = _SURE if slips == 1 else _LIKELY
            found.append(
                Correction(words[place], place, _cased(words[place], right), confidence, why)
            )
    return found


def _is_strange(word: str, vocabulary: Vocabulary) -> bool:
    return (
        len(word) >= LEAST_LETTERS
        and word.isalpha()
        and not word.isupper()
        and not any(letter.isupper() for letter in word[1:])
        and not vocabulary.is_known(word.casefold())
    )


def _chosen(
    word: str, around: tuple[str, str], told: set[str], vocabulary: Vocabulary
) -> tuple[str, int, str] | None:
    """The one candidate that stands in the description or beside the same words elsewhere."""
    before, after = around
    agreed = []
    for candidate, slips in vocabulary.alike(word):
        if candidate[0] != word[0] or _is_other_ending(word, candidate, slips):
            continue
        if candidate in told:
            agreed.append((candidate, slips, "the description has it"))
        elif f"{before} {candidate}" in vocabulary.pairs:
            agreed.append((candidate, slips, f"it stands after {before!r} elsewhere"))
        elif f"{candidate} {after}" in vocabulary.pairs:
            agreed.append((candidate, slips, f"it stands before {after!r} elsewhere"))
    fewest = min((slips for _, slips, _ in agreed), default=0)
    best = [one for one in agreed if one[1] == fewest]
    return best[0] if len(best) == 1 else None


def _is_other_ending(word: str, candidate: str, slips: int) -> bool:
    """Another ending is another word: protectors, regulatory, regulation."""
    if candidate.startswith(word) or word.startswith(candidate):
        return True
    return slips > 1 and candidate.startswith(word[:-3])


def _cased(word: str, right: str) -> str:
    return right.capitalize() if word[0].isupper() else right
