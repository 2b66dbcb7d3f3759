"""Scan columns of text for personal data: counts by kind with masked samples, no raw value.

    scan = scan_texts(titles, PersonalData(kinds=DIRECT_KINDS), key=secret)

Dimensions: none. Pure; knows no files. What leaves this module may stand in a report or a log.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from training.personal_data.found import Found
from training.personal_data.masking import mask, masked_value
from training.personal_data.model import PersonalData

_SAMPLES = 3  # masked samples of a kind: enough to see what sort of text it is
_SAMPLE_LENGTH = 60  # characters of a masked sample
_BATCH = 256  # texts in memory at once


@dataclass(frozen=True)
class TextScan:
    """What one column holds; ``samples`` are masked."""

    count_texts: int
    count_flagged: int  # texts with at least one span
    count_by_kind: Mapping[str, int] = field(default_factory=dict)
    samples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def per_10_000(self) -> float:
        """Spans found in 10,000 texts: the measure of residual personal data."""
        return 10_000 * sum(self.count_by_kind.values()) / max(self.count_texts, 1)

    def as_dict(self) -> dict[str, object]:
        """The scan as JSON, for reports."""
        return {
            "count_texts": self.count_texts,
            "count_flagged": self.count_flagged,
            "per_10_000": round(self.per_10_000, 2),
            "count_by_kind": dict(self.count_by_kind),
            "samples": {kind: list(of) for kind, of in self.samples.items()},
        }


def scan_texts(texts: Iterable[str | None], finder: PersonalData, *, key: bytes) -> TextScan:
    """Counts and masked samples of one column, however long; None is an empty text."""
    counts: Counter[str] = Counter()
    samples: dict[str, list[str]] = {}
    flagged = texts_read = 0
    for text, found in _found(texts, finder):
        texts_read += 1
        flagged += bool(found)
        counts.update(span.kind for span in found)
        for span in found:
            of = samples.setdefault(span.kind, [])
            if len(of) < _SAMPLES:
                of.append(
                    masked_value(text[span.start : span.end], span.kind, key)[:_SAMPLE_LENGTH]
                )
    by_kind = dict(sorted(counts.items()))
    return TextScan(texts_read, flagged, by_kind, {k: tuple(samples[k]) for k in by_kind})


def scan_columns(
    columns: Mapping[str, Iterable[str | None]], finder: PersonalData, *, key: bytes
) -> dict[str, TextScan]:
    """A scan of each named column: a shop's titles, queries, reviews, log lines."""
    return {name: scan_texts(texts, finder, key=key) for name, texts in columns.items()}


def masked_texts(texts: Iterable[str | None], finder: PersonalData, *, key: bytes) -> list[str]:
    """The column with what was found masked, every text as long as before."""
    return [mask(text, found, key=key).text for text, found in _found(texts, finder)]


def _found(texts: Iterable[str | None], finder: PersonalData) -> Iterator[tuple[str, list[Found]]]:
    rest = iter(texts)
    while batch := [text or "" for text in islice(rest, _BATCH)]:
        yield from zip(batch, finder.find(batch), strict=True)
