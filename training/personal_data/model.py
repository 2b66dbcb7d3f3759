"""Personal data in text: patterns and the tagger together. Knows no files.

    found = PersonalData(tagger).find(["Deliver to Ana Ruiz, Calle Mayor 4"])

Where both speak, a checksum or strict grammar wins, then the tagger, then a bare pattern
(``found.without_overlaps``). Without a tagger the patterns answer alone: no network is loaded then.
Answers are offsets and kinds; no text is stored or logged here.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from training.personal_data.found import Found, without_overlaps
from training.personal_data.patterns import MOST_CHARACTERS, find_patterns
from training.personal_data.tagger import MOST_TAGGED, Tagger

ALL_KINDS: frozenset[str] = frozenset()

# What names or reaches one person. Places, firms, dates, groups and sites alone do not, and a
# catalogue is full of them.
DIRECT_KINDS = frozenset(
    {
        "PERSON", "STREET_ADDRESS", "PHONE_NUMBER", "EMAIL_ADDRESS", "CREDIT_CARD", "IBAN_CODE",
        "US_SSN", "NATIONAL_NUMBER", "US_DRIVER_LICENSE", "IP_ADDRESS",
    }
)  # fmt: skip

# Confidence of the tagger from which a catalogue's titles are told: in 2,000 titles of each of two
# real catalogues 40 and 13 false alarms in 1,000 instead of 89 and 22, canaries .90 of .94.
CATALOGUE_LEAST = 0.9


@dataclass(frozen=True)
class PersonalData:
    """Finds personal data of the given kinds, or of all, the tagger's from ``least`` on."""

    tagger: Tagger | None = None
    kinds: Collection[str] = ALL_KINDS
    least: float = 0.0  # confidence of the tagger; where nearly every text is clean, ask for more

    def find(self, texts: Sequence[str]) -> list[list[Found]]:
        """Of each text the spans in raw characters: sorted, without overlaps."""
        tagged = self.tagger.find(texts) if self.tagger else [[] for _ in texts]
        both = [
            [*spans, *find_patterns(text, self.kinds)]
            for text, spans in zip(texts, tagged, strict=True)
        ]
        return [without_overlaps(filter(self._wants, found)) for found in both]

    @property
    def most_characters(self) -> int:
        """Of a text, that are read."""
        return min(MOST_TAGGED, MOST_CHARACTERS) if self.tagger else MOST_CHARACTERS

    def _wants(self, span: Found) -> bool:
        is_sure = span.source != "tagger" or span.confidence >= self.least
        return is_sure and (not self.kinds or span.kind in self.kinds)
