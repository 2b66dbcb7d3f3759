"""The point-in-time training set: label rows joined with the feature store, and its manifest.

Features come through a function that is passed in (Feast's get_historical_features in the flow),
which must keep rows and their order; this module checks that it did. The manifest names every
input by digest, so that a bundle can be followed back to what it learned from.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.services import schema_hash, service_models, service_views
from governance.errors import StateError
from governance.files import digest_of, sha256_file
from training import shop_data
from training.label_rows import Labels, Sampling, impression_labels, purchase_labels
from training.ranker.model import FeatureColumn
from training.recommender.model import Recommender
from training.shop_data import ShopData
from training.windows import Window

SERVICE = "recommender_v3"
ENTITY_KEYS = ("user_id", "item_id", "event_timestamp")

HistoricalFeatures = Callable[[pa.Table, str], pa.Table]  # (label rows, service) -> same + features


@dataclass(frozen=True)
class TrainingSet:
    """The joined table, its columns by origin, and the manifest that says what it was made of."""

    table: pa.Table
    retrieval: tuple[str, ...]
    service: tuple[FeatureColumn, ...]
    manifest: Mapping[str, object]

    @property
    def digest(self) -> str:
        return digest_of(self.manifest)


def build_training_set(
    data: ShopData,
    *,
    windows: Sequence[Window],
    recommender_at: Callable[[Window], Recommender],
    historical_features: HistoricalFeatures,
    sampling: Sampling,
    seed: int,
    inputs: Mapping[str, str],
) -> TrainingSet:
    """Label rows of all windows joined with the service's features, and their manifest."""
    parts: list[Labels] = []
    for window in windows:
        recommender = recommender_at(window)
        parts.append(purchase_labels(data, window, recommender, sampling=sampling, seed=seed))
        if window.name == "train":
            parts.append(impression_labels(data, window, recommender, sampling))
    parts = [part for part in parts if len(part.item)]
    if not {"train", "validation"} <= {part.window.name for part in parts}:
        raise StateError(
            "there are no label rows to train on",
            where="training and validation windows",
            why="no user bought both before and inside each of them",
            next_step="import a longer history, or shorten the windows in training/windows.py",
        )
    table = join_features(
        pa.concat_tables(label_table(p, data) for p in parts), historical_features
    )
    manifest = _manifest(table, windows, sampling=sampling, seed=seed)
    return TrainingSet(
        table=table,
        retrieval=parts[0].column_names,
        service=feature_columns(),
        manifest=manifest | {"inputs": dict(inputs) | shop_digests(data)},
    )


def feature_columns(service: str = SERVICE) -> tuple[FeatureColumn, ...]:
    """The service's columns as declared: entity, type and default of each, in service order."""
    return tuple(
        FeatureColumn(
            name=column.name,
            entity=model.entities[0],
            data_type=column.data_type,
            default=float(column.default) if isinstance(column.default, (int, float)) else None,
        )
        for model, columns in service_views(service)
        for column in columns
    )


def label_table(labels: Labels, data: ShopData) -> pa.Table:
    """Keys, labels and origin first, then the retrieval columns as float32.

    A click or cart label is null where the row has none: nothing was shown, or nobody logged it.
    """
    count = len(labels.item)
    columns: dict[str, pa.Array] = {
        "user_id": pa.array(data.user_ids[labels.user].tolist(), pa.string()),
        "item_id": pa.array(data.item_ids[labels.item].tolist(), pa.string()),
        "event_timestamp": pa.array(labels.at_us, pa.timestamp("us")),
        "label": pa.array(labels.label.astype(np.int8)),
        "source": pa.array([labels.source] * count, pa.string()),
        "is_synthetic": pa.array(labels.is_synthetic),
        "is_clicked": pa.array(labels.is_clicked, from_pandas=True).cast(pa.bool_()),
        "is_carted": pa.array(labels.is_carted, from_pandas=True).cast(pa.bool_()),
        "basket_items": pa.array(labels.basket_items, pa.int32()),
        "window": pa.array([labels.window.name] * count, pa.string()),
        "cutoff": pa.array([labels.window.cutoff.replace(tzinfo=None)] * count, pa.timestamp("us")),
    }
    values = {name: pa.array(labels.columns[:, i]) for i, name in enumerate(labels.column_names)}
    return pa.table(columns | values)


def join_features(
    table: pa.Table, historical_features: HistoricalFeatures, service: str = SERVICE
) -> pa.Table:
    """The table with the service's features appended; refuses lost, added or moved rows."""
    keys = table.select(ENTITY_KEYS)
    found = historical_features(keys, service)
    is_same = found.num_rows == keys.num_rows and all(
        found[key].cast(pa.string()).equals(keys[key].cast(pa.string()))
        for key in ("user_id", "item_id")
    )
    if not is_same:
        raise StateError(
            "the feature store did not keep the label rows as they were",
            where=f"feature service {service}",
            why=f"{keys.num_rows:,} rows went in, {found.num_rows:,} came back or in other order",
            next_step="test feature_repo/stores/asof_offline.py against its oracle",
        )
    for column in feature_columns(service):
        values = pc.cast(found[column.name], pa.float32(), safe=False)
        table = table.append_column(column.name, values)
    return table


def columns_of(table: pa.Table, names: Sequence[str]) -> npt.NDArray[np.float32]:
    """(rows, names) with NaN for null."""
    columns = [table[name].to_numpy().astype(np.float32) for name in names]
    return np.column_stack(columns) if columns else np.empty((table.num_rows, 0), np.float32)


def shop_digests(data: ShopData) -> dict[str, str]:
    """SHA-256 of everything coded from the warehouse, per part."""
    found = {
        "user_ids": _sha256(data.user_ids),
        "item_ids": _sha256(data.item_ids),
        "categories": _sha256(data.categories),
    }
    for name, part in (
        ("lines", data.lines),
        ("judge", data.judge),
        ("impressions", data.impressions),
    ):
        found[name] = _sha256(*(getattr(part, column.name) for column in fields(part)))
    return found


def _manifest(
    table: pa.Table, windows: Sequence[Window], *, sampling: Sampling, seed: int
) -> dict[str, object]:
    sources = table.group_by(["window", "source", "is_synthetic"]).aggregate(
        [("label", "count"), ("label", "sum")]
    )
    instants = pc.min_max(table["event_timestamp"]).as_py()
    return {
        "rows": table.num_rows,
        "synthetic_rows": pc.sum(table["is_synthetic"]).as_py() or 0,
        "rows_by_source": [
            {"window": w, "source": s, "is_synthetic": y, "rows": n, "positive": p}
            for w, s, y, n, p in sorted(zip(*(c.to_pylist() for c in sources), strict=True))
        ],
        "first_label_at": f"{instants['min'].isoformat()}Z",
        "last_label_at": f"{instants['max'].isoformat()}Z",
        "windows": [
            {"name": w.name, "cutoff": w.cutoff.isoformat(), "ends_at": w.ends_at.isoformat()}
            for w in windows
        ],
        "feature_service": SERVICE,
        "schema_hash": schema_hash(SERVICE),
        "definitions": definition_digests(),
        "sampling": asdict(sampling),
        "seed": seed,
        "table_sha256": digest_of_table(table),
    }


def definition_digests() -> dict[str, str]:
    """SHA-256 of every feature model's SQL and declaration, and of the queries of the shop."""
    queries = {name: text for name, text in vars(shop_data).items() if name.endswith("_SQL")}
    found = {"shop_data_queries": digest_of(queries)}
    for model in service_models(SERVICE):
        found[f"{model.name}.yml"] = sha256_file(model.path)
        if model.sql_path.is_file():
            found[f"{model.name}.sql"] = sha256_file(model.sql_path)
    return found


def digest_of_table(table: pa.Table) -> str:
    """Of every column's values."""
    return _sha256(*(part for column in table.columns for part in _arrays_of(column)))


def _arrays_of(column: pa.ChunkedArray) -> list[npt.NDArray[np.generic]]:
    """Numbers that say all of a column: texts as places in what differs, and that."""
    if pa.types.is_boolean(column.type):
        column = pc.cast(column, pa.float32())  # null becomes NaN; numpy would hold objects
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        found = column.to_numpy(zero_copy_only=False)
        assert found.dtype != object, column.type  # its bytes would be addresses
        return [found]
    coded = column.combine_chunks().dictionary_encode()
    texts = "\0".join(str(text) for text in coded.dictionary.to_pylist()).encode()
    places = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return [places, np.frombuffer(texts, dtype=np.uint8)]


def _sha256(*arrays: npt.NDArray[np.generic]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
