"""Reviews as a table: which columns it has, and how a shop's own file becomes one.

Rows are reviews; columns ``item_id``, ``title``, ``text``, and where they are known ``user_id``,
``written_at`` and ``is_positive``. Reading files is :func:`read_reviews`; the rest is pure.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from governance.errors import InputError
from governance.settings import PROJECT_ROOT
from training.encoder.readable import readable

# A public format of reviews, in which the writer says whether they would recommend the item.
_COLUMNS = {
    "Clothing ID": "item_id",
    "Title": "title",
    "Review Text": "text",
    "Recommended IND": "is_positive",
}
FILE = "reviews.parquet"
_TELLING = 40  # characters from which equal texts are one review: "Great!" is said of everything
DEFAULT_DATA = PROJECT_ROOT.parent / "shared" / "data" / "clothing_reviews"  # if nothing is given


def read_reviews(path: Path) -> pd.DataFrame:
    """A Parquet file of reviews, or the folder that holds one; InputError names what is missing."""
    file = path / FILE if path.is_dir() else path
    if not file.is_file():
        raise InputError(
            "there is no such file of reviews",
            where=str(file),
            next_step="give --data a Parquet file of reviews, or its folder",
        )
    try:
        frame = pd.read_parquet(file)
    except (OSError, ValueError) as error:
        why = str(error).splitlines()[0]
        raise InputError("the reviews are no Parquet", where=str(file), why=why) from None
    frame = frame.rename(columns=_COLUMNS)
    missing = [theirs for theirs, ours in _COLUMNS.items() if ours not in frame]
    if missing:
        raise InputError(
            f"the column {missing[0]} is missing",
            where=str(file),
            why=f"reviews have {', '.join(_COLUMNS)}",
        )
    return labelled(frame, where=str(file))


def labelled(frame: pd.DataFrame, *, where: str) -> pd.DataFrame:
    """Rows with words, ``is_positive`` as 0 or 1, numbered anew."""
    positive = frame["is_positive"]
    if not positive.isin([0, 1]).all():
        row = int(np.flatnonzero(~positive.isin([0, 1]))[0])
        raise InputError(
            f"a review is marked {positive.iloc[row]}",
            where=f"{where}, row {row}",
            why="Recommended IND must be 0 or 1",
        )
    found = frame[[text != "" for text in texts_of(frame)]].reset_index(drop=True)
    return found.assign(is_positive=found["is_positive"].astype(np.int64))


def texts_of(frame: pd.DataFrame) -> list[str]:
    """Title and text of each review as one text; what is missing is left out."""
    if "text" not in frame:
        raise InputError("the column text is missing", where="reviews")
    titles = frame["title"] if "title" in frame else [""] * len(frame)
    parts = zip(map(readable, titles), map(readable, frame["text"]), strict=True)
    return [". ".join(part for part in both if part) for both in parts]


def held_out(frame: pd.DataFrame, share: float, *, seed: int) -> NDArray[np.bool_]:
    """(rows,): about ``share`` of them, items whole, and rows of one long text together."""
    group = _groups(frame["item_id"].astype(str).tolist(), texts_of(frame))
    names, group_of = np.unique(group, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(names))
    sizes = np.bincount(group_of)[order]
    # An item that would overshoot by more than the whole before it fell short is left out.
    is_out = np.zeros(len(names), dtype=np.bool_)
    wanted, had = share * len(frame), 0
    for name, size in zip(order, sizes, strict=True):
        if had < wanted and abs(had + size - wanted) <= wanted - had:
            is_out[name], had = True, had + int(size)
    return is_out[group_of]


def _groups(items: list[str], texts: list[str]) -> NDArray[np.str_]:
    """Of each row its group: the item where the row's text was met first."""
    met: dict[str, str] = {}
    leader: dict[str, str] = {}

    def find(item: str) -> str:
        while leader.setdefault(item, item) != item:
            leader[item] = leader[leader[item]]
            item = leader[item]
        return item

    for item, text in zip(items, texts, strict=True):
        if len(text) < _TELLING:
            continue
        one, two = sorted((find(met.setdefault(text, item)), find(item)))
        leader[two] = one
    return np.array([find(item) for item in items])
