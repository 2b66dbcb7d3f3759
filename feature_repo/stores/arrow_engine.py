"""ArrowEngine: materialisation from the offline to the online store in Arrow, chunk by chunk.

Named in feature_store.yaml as ``batch_engine``. Feast's local engine turns every value of every
row into a protobuf first; this one hands record batches to :class:`PackedOnlineStore`. A window
that covers the whole ttl of a view replaces what the store holds up to its end, in one
transaction: after it, online equals offline, also for entities whose rows are gone. A shorter
window (``materialize-incremental``) only adds what is newer. Not here yet: streaming sources.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import pyarrow as pa
from feast.entity import Entity
from feast.feature_view import FeatureView
from feast.infra.common.materialization_job import (
    MaterializationJob,
    MaterializationJobStatus,
    MaterializationTask,
)
from feast.infra.compute_engines.base import ComputeEngine
from feast.infra.registry.base_registry import BaseRegistry
from feast.repo_config import FeastConfigBaseModel

from feature_repo.stores.asof_offline import AsofRetrievalJob
from feature_repo.stores.packed_online import PackedOnlineStore, row_format
from feature_repo.stores.packed_rows import RowFormat
from governance.errors import InputError


class ArrowEngineConfig(FeastConfigBaseModel):  # type: ignore[misc]
    """The ``batch_engine`` part of feature_store.yaml."""

    type: Literal["feature_repo.stores.arrow_engine.ArrowEngine"]


class ArrowJob(MaterializationJob):  # type: ignore[misc]
    """A materialisation that has ended, one way or the other."""

    def __init__(self, task: MaterializationTask, error: BaseException | None = None) -> None:
        self.task = task
        self._error = error

    def status(self) -> MaterializationJobStatus:
        failed = self._error is not None
        return MaterializationJobStatus.ERROR if failed else MaterializationJobStatus.SUCCEEDED

    def error(self) -> BaseException | None:
        return self._error

    def should_be_retried(self) -> bool:
        return False

    def job_id(self) -> str:
        return f"{self.task.feature_view.name}-{self.task.start_time}-{self.task.end_time}"

    def url(self) -> str | None:
        return None


class ArrowEngine(ComputeEngine):  # type: ignore[misc]
    """Feast's interface; needs the offline and online stores of this package beside it."""

    def update(
        self,
        project: str,
        views_to_delete: Sequence[FeatureView],
        views_to_keep: Sequence[FeatureView],
        entities_to_delete: Sequence[Entity],
        entities_to_keep: Sequence[Entity],
    ) -> None:
        """Nothing to prepare."""

    def teardown_infra(
        self, project: str, fvs: Sequence[FeatureView], entities: Sequence[Entity]
    ) -> None:
        """Nothing to tear down."""

    def _materialize_one(
        self,
        registry: BaseRegistry,  # noqa: ARG002
        task: MaterializationTask,
        **kwargs: Any,  # noqa: ARG002
    ) -> MaterializationJob:
        try:
            self._copy(task)
        except Exception as error:  # noqa: BLE001  Feast raises what the job carries
            return ArrowJob(task, error)
        return ArrowJob(task)

    def _copy(self, task: MaterializationTask) -> None:
        view, store = task.feature_view, self.online_store
        if not isinstance(store, PackedOnlineStore):
            raise InputError(
                f"ArrowEngine cannot write into {type(store).__name__}",
                where="feature_repo/feature_store.yaml",
                next_step="choose PackedOnlineStore as online_store, or leave batch_engine out",
            )
        source, layout = view.batch_source, row_format(view)
        job = self.offline_store.pull_latest_from_table_or_query(
            config=self.repo_config,
            data_source=source,
            join_key_columns=list(layout.keys),
            feature_name_columns=[name for name, _ in layout.fields],
            timestamp_field=source.timestamp_field,
            created_timestamp_column=source.created_timestamp_column,
            start_date=task.start_time,
            end_date=task.end_time,
        )
        backend = store.backend(self.repo_config)
        until = _replaced_until(view, task.start_time, task.end_time)
        with backend.writing(layout, replace_until=until), _batches(job) as reader:
            self._write(task, store, layout, reader)
        if until is None:
            backend.extend(layout, start=task.start_time, end=task.end_time)

    def _write(
        self,
        task: MaterializationTask,
        store: PackedOnlineStore,
        layout: RowFormat,
        reader: pa.RecordBatchReader,
    ) -> None:
        source = task.feature_view.batch_source
        progress = task.tqdm_builder(0) if task.tqdm_builder else None
        for batch in reader:
            store.write_arrow(
                self.repo_config,
                layout,
                batch,
                event_at=source.timestamp_field,
                created_at=source.created_timestamp_column or "",
            )
            if progress is not None:
                progress.update(batch.num_rows)


def _replaced_until(view: FeatureView, start: datetime, end: datetime) -> datetime | None:
    """The window's end if no row before its start can be alive then, else None."""
    return end if view.ttl and start <= end - view.ttl else None


def _batches(job: Any) -> Any:
    if not isinstance(job, AsofRetrievalJob):
        raise InputError(
            f"ArrowEngine cannot read from {type(job).__name__}",
            where="feature_repo/feature_store.yaml",
            next_step="choose AsofOfflineStore as offline_store, or leave batch_engine out",
        )
    return job.open_batches()
