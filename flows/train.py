"""Retraining on its own schedule, as a Prefect flow: train, hold against the gate, report."""

from prefect import flow

from flows.one_stage import StageReport
from flows.staged import run_in_order


@flow(name="train", log_prints=False)
def train() -> list[StageReport]:
    """Train a challenger on what is built; release it when it beats champion and floors."""
    return run_in_order(["train", "release", "report"])
