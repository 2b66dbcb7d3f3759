"""The main job, as a Prefect flow: from raw orders to a released model and an audit report.

``counterfoil demo`` runs it once; ``prefect.yaml`` schedules it. Every stage is idempotent and
recorded; a stage whose inputs are unchanged by content hash is skipped, so a run after a failure
or a kill goes on from the last good stage.
"""

from prefect import flow

from flows.one_stage import StageReport
from flows.stage_list import STAGES
from flows.staged import run_in_order


@flow(name="daily", log_prints=False)
def daily(shop: str | None = None, source: str | None = None) -> list[StageReport]:
    """Import, simulate, check, transform, check, materialise, check, train, release, report."""
    return run_in_order([stage.name for stage in STAGES], shop=shop, source=source)
