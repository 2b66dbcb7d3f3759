"""Intent of the last query before each label row: two groups for ``language_text_features.py``.

By the rules of the lexicon, which ``ftr_user__text`` counts, and by the model that is served: the
newest intent bundle of the home, where ``counterfoil train intent`` has run there.

Dimensions: N label rows, Q queries, K intents.
"""

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from serving.intent_bundle import newest_bundle
from training.fine_tuning.lesson import Texts
from training.intent.lexicon import INTENTS, lexicon_intents
from training.text_bundle import open_text_bundle

Columns = dict[str, NDArray[np.float32]]
_NONE = -1  # the place of a row whose user had not searched


def last_intents(table: pa.Table, home: Path) -> dict[str, Columns]:
    """K columns a group: how far the last query has each intent; zeros where there was none."""
    queries, places = _last_queries(table, home / "warehouse.duckdb")
    by_rules = np.eye(len(INTENTS), dtype=np.float32)[lexicon_intents(queries)]
    groups = {"last intent, rules": by_rules}
    if (home / "bundles" / "intent").is_dir():
        model = open_text_bundle(newest_bundle(home / "bundles")).model()
        groups["last intent, model"] = model.probabilities(Texts(tuple(queries)))
    return {name: _columns(chances, places) for name, chances in groups.items()}


def _last_queries(table: pa.Table, warehouse: Path) -> tuple[list[str], NDArray[np.int64]]:
    """Q different queries, and the (N,) place among them of the newest that was known by then."""
    rows = table.select(["user_id", "event_timestamp"])
    with duckdb.connect(str(warehouse), read_only=True) as con:
        con.register("label_rows", rows.append_column("place", pa.array(range(len(rows)))))
        found = con.sql(
            "select searches.query from label_rows asof left join ("
            "  select user_id, known_at, max(query) as query from fct_searches group by all"
            ") as searches on label_rows.user_id = searches.user_id"
            " and label_rows.event_timestamp >= searches.known_at order by label_rows.place"
        ).to_arrow_table()["query"]
    coded = found.combine_chunks().dictionary_encode()
    places = coded.indices.fill_null(_NONE).to_numpy(zero_copy_only=False)
    return coded.dictionary.to_pylist(), places.astype(np.int64)


def _columns(chances: NDArray[np.float32], places: NDArray[np.int64]) -> Columns:
    """(Q, K) spread over (N,) rows; the row that is none is the last of the spread table."""
    spread = np.vstack([chances, np.zeros(chances.shape[1], np.float32)])[places]
    return {f"last_query_{name}": spread[:, at] for at, name in enumerate(INTENTS)}
