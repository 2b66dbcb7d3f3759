"""ArrowEngine: Feast's way into ``copying.py``, materialisation in Arrow, chunk by chunk.

Named in feature_store.yaml as ``batch_engine``. Feast's local engine turns every value of every
row into a protobuf first; this one packs record batches. A window that covers the whole ttl of a
view replaces what the store knew by its end: after it, online equals offline, also for entities
whose rows are gone. A shorter window (``materialize-incremental``) only adds what is newer. Either
goes on where a killed run left off. Not here yet: streaming sources.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal

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

from feature_repo.stores.asof_job import AsofRetrievalJob
from feature_repo.stores.copying import CHUNK_ROWS, copy_newest
from feature_repo.stores.newest_rows import NewestRows
from feature_repo.stores.packed_online import PackedOnlineStore, row_format
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
        copying = store.backend(self.repo_config).copying(layout)
        with _newest(job) as rows:
            copy_newest(
                copying,
                layout,
                rows,
                is_whole=bool(view.ttl) and task.start_time <= task.end_time - view.ttl,
                progress=_Bar(task).show,
            )


class _Bar:
    """Feast's progress bar, which is made when the number of rows is known."""

    def __init__(self, task: MaterializationTask) -> None:
        self._make = task.tqdm_builder
        self._bar: Any = None
        self._done = 0

    def show(self, done: int, total: int) -> None:
        if self._make is None:
            return
        if self._bar is None:
            self._bar = self._make(total)
        self._bar.update(done - self._done)
        self._done = done


def _newest(job: Any) -> AbstractContextManager[NewestRows]:
    if not isinstance(job, AsofRetrievalJob):
        raise InputError(
            f"ArrowEngine cannot read from {type(job).__name__}",
            where="feature_repo/feature_store.yaml",
            next_step="choose AsofOfflineStore as offline_store, or leave batch_engine out",
        )
    return job.open_newest(CHUNK_ROWS)
