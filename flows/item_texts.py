"""On write: rows of ``ftr_item__text`` for items that arrive between two builds.

``counterfoil push ftr_item__text FILE --read-texts``: each JSON line has item_id, title and
listed_at, and may have description, brand and category_path; the row pushed is the one that the
next build makes of the same listing.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from flows.listing_readings import Judge, open_judge
from flows.text_readings import Reader, numbers_of, open_reader
from governance.errors import InputError
from governance.settings import Settings
from training.listing_quality.listing import Listing
from training.text_features.model import COLUMNS, item_row

TABLE = "ftr_item__text"
_WANTED = ("item_id", "title", "listed_at")
_OPTIONAL = ("description", "brand", "category_path")


def feature_lines(settings: Settings, lines: Iterable[bytes]) -> Iterator[bytes]:
    """Each item's feature row as a JSON line; an empty line stays, so that numbers stay right."""
    reader = open_reader(settings)
    judge = open_judge(settings, reader.encoder)
    for number, line in enumerate(lines, start=1):
        yield _feature_line(reader, judge, line, number) if line.strip() else line


def read_item_text(
    reader: Reader, judge: Judge | None, *, listing: Listing, listed_at: datetime
) -> dict[str, object]:
    """The row of ``ftr_item__text`` of one item, from its listing alone."""
    numbers: dict[str, int | None] = dict(
        zip(COLUMNS, numbers_of(reader, [listing.title])[0], strict=True)
    )
    if judge is not None:
        (numbers["listing_good"],) = judge.numbers_of([listing])[0]
    return item_row(listing.item_id, listed_at, numbers)


def _feature_line(reader: Reader, judge: Judge | None, line: bytes, number: int) -> bytes:
    try:
        given = json.loads(line)
        item_id, title, at = (given[name] for name in _WANTED)
        moment = datetime.fromisoformat(at)
        texts = [item_id, title, *(given.get(name) or "" for name in _OPTIONAL)]
        if not all(isinstance(text, str) for text in texts):
            raise TypeError(f"{', '.join(('item_id', 'title', *_OPTIONAL))} are texts")
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            "a line is no item",
            where=f"line {number}",
            why=f"{type(error).__name__} {error}",
            next_step='write {"item_id": "7", "title": "Oat milk", "listed_at": "2018-01-02"}',
        ) from None
    listed_at = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    row = read_item_text(reader, judge, listing=Listing(*texts), listed_at=listed_at)
    return json.dumps(row, default=datetime.isoformat).encode() + b"\n"
