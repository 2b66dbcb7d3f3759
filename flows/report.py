"""The audit report on its own schedule, as a Prefect flow."""

from prefect import flow

from flows.one_stage import StageReport
from flows.staged import run_in_order


@flow(name="report", log_prints=False)
def report() -> list[StageReport]:
    """Write reports/audit.html and its JSON twin from the records."""
    return run_in_order(["report"])
