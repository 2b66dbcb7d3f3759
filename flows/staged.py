"""Stages as Prefect tasks: order, retries and run names; the work itself is in flows/stages.py.

A child process that died, or a source that did not answer, is tried again: stages are idempotent.
A gate that said no and input that cannot be used are not: the next try would say the same. Either
way the failed run stands in the records (``stage_run``).
"""

from typing import Literal

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from flows.active import active_settings, source_of
from flows.ledger import exclusive
from flows.one_stage import StageReport, one_stage
from governance.errors import CounterfoilError, StageFailed
from governance.settings import Settings

_RETRIES = 1  # a killed child is worth one more try; a second death is a finding
_RETRY_DELAY_SECONDS = 2


def run_in_order(
    names: list[str],
    *,
    shop: str | None = None,
    source: str | None = None,
    warm_start: Literal["never", "champion"] | None = None,
) -> list[StageReport]:
    """Run the named stages one after the other under the lock of the home folder."""
    settings = active_settings(shop=shop)
    if warm_start is not None:
        settings = settings.model_copy(update={"warm_start": warm_start})
    with exclusive(settings.home_dir):
        return [_run(name, settings, source or source_of(settings)) for name in names]


def _run(name: str, settings: Settings, source: str | None) -> StageReport:
    report: StageReport = stage_task.with_options(task_run_name=name)(name, settings, source)
    return report


def is_worth_retrying(_task: object, _run: object, state: State) -> bool:
    """Only a stage whose process died is tried again."""
    try:
        state.result()
    except StageFailed:
        return True
    except CounterfoilError:
        return False
    return False


@task(
    name="stage",
    retries=_RETRIES,
    retry_delay_seconds=_RETRY_DELAY_SECONDS,
    retry_condition_fn=is_worth_retrying,
    cache_policy=NO_CACHE,
)
def stage_task(name: str, settings: Settings, source: str | None) -> StageReport:
    """One stage as a task of the flow that is running."""
    return one_stage(name, settings, source=source, run_name=str(flow_run.id or "local"))
