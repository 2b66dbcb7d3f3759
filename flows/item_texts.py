"""On write: rows of ``ftr_item__text`` for items that arrive between two builds.

``counterfoil push ftr_item__text FILE --read-texts``: each JSON line has item_id, title and
listed_at; the row pushed is the one that the next build makes of the same title.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from flows.text_readings import Reader, numbers_of, open_reader
from governance.errors import InputError
from governance.settings import Settings
from training.text_features.model import COLUMNS, item_row

TABLE = "ftr_item__text"
_WANTED = ("item_id", "title", "listed_at")


def feature_lines(settings: Settings, lines: Iterable[bytes]) -> Iterator[bytes]:
    """Each item's feature row as a JSON line; an empty line stays, so that numbers stay right."""
    reader = open_reader(settings)
    for number, line in enumerate(lines, start=1):
        yield _feature_line(reader, line, number) if line.strip() else line


def read_item_text(
    reader: Reader, *, item_id: str, title: str, listed_at: datetime
) -> dict[str, object]:
    """The row of ``ftr_item__text`` of one item, from its title alone."""
    numbers = dict(zip(COLUMNS, numbers_of(reader, [title])[0], strict=True))
    return item_row(item_id, listed_at, numbers)


def _feature_line(reader: Reader, line: bytes, number: int) -> bytes:
    try:
        item_id, title, at = (json.loads(line)[name] for name in _WANTED)
        moment = datetime.fromisoformat(at)
        if not isinstance(item_id, str) or not isinstance(title, str):
            raise TypeError("item_id and title are texts")
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            "a line is no item",
            where=f"line {number}",
            why=f"{type(error).__name__} {error}",
            next_step='write {"item_id": "7", "title": "Oat milk", "listed_at": "2018-01-02"}',
        ) from None
    listed_at = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    row = read_item_text(reader, item_id=item_id, title=title, listed_at=listed_at)
    return json.dumps(row, default=datetime.isoformat).encode() + b"\n"
