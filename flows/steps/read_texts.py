"""Read texts: an encoder reads each different title and query once; dbt makes features of it.

dbt holds SQL only, so scores of a model are made here, as tables that dbt selects from. A text that
was read before is not read again; a killed run goes on after the last file of readings.
"""

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from flows.stages import Progress, StepResult
from flows.text_readings import Numbers, open_reader, read_anew, text_digest
from flows.text_tables import KEYS, table_path
from governance.files import atomic_path
from governance.settings import Settings
from training.intent.lexicon import INTENTS, lexicon_intents
from training.text_features.model import COLUMNS

_ITEMS = "select item_id, coalesce(title, '') from raw.items order by item_id"
_QUERIES = "select distinct query, query from raw.searches where query is not null order by query"


def run(settings: Settings, progress: Progress, _source: str | None = None) -> StepResult:
    """Read what is new among titles and queries; leave a table of each for dbt."""
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as warehouse:
        keyed = {
            "items": warehouse.execute(_ITEMS).fetchall(),
            "queries": warehouse.execute(_QUERIES).fetchall(),
        }
    reader = open_reader(settings, [title for _, title in keyed["items"]], progress)
    texts = [text for pairs in keyed.values() for _, text in pairs]
    found = read_anew(reader, texts, progress)
    for table, pairs in keyed.items():
        _write(settings, table, pairs, found)
    outputs = (*(table_path(settings, table) for table in KEYS), reader.folder / "axes.safetensors")
    return StepResult(
        f"{len(found):,} texts of {len(keyed['items']):,} items and {len(keyed['queries']):,} "
        f"queries{_lacking(keyed)} -> {table_path(settings, 'items').parent}",
        outputs,
        {"texts": len(found), "model": reader.digest}
        | {table: len(pairs) for table, pairs in keyed.items()},
    )


def _lacking(keyed: dict[str, list[tuple[str, str]]]) -> str:
    return "" if keyed["queries"] else "; the shop has no searches, whose features take defaults"


def _write(
    settings: Settings, table: str, pairs: list[tuple[str, str]], found: dict[str, Numbers]
) -> None:
    numbers = [found[text_digest(text)] for _, text in pairs]
    columns = {KEYS[table]: pa.array([key for key, _ in pairs], pa.string())}
    if table == "queries":
        intents = lexicon_intents([text for _, text in pairs])
        columns["intent"] = pa.array([INTENTS[place] for place in intents], pa.string())
    for place, name in enumerate(COLUMNS):
        columns[name] = pa.array([row[place] for row in numbers], pa.int64())
    with atomic_path(table_path(settings, table)) as beside:
        pq.write_table(pa.table(columns), beside)
