"""Retraining on its own schedule, as a Prefect flow: train, hold against the gate, report.

It goes on from the champion's network (``training/recommender/continual.py``), unlike the daily
flow and ``counterfoil train``, which begin anew and so give the same bytes for the same data.
"""

from prefect import flow

from flows.one_stage import StageReport
from flows.staged import run_in_order


@flow(name="train", log_prints=False)
def train() -> list[StageReport]:
    """Teach the champion what is new; release it when it beats champion and floors."""
    return run_in_order(["train", "release", "report"], warm_start="champion")
