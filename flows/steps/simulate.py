"""Simulate: search and click logs around the real baskets, landed as raw events and searches.

Every row says ``is_synthetic`` and names the basket it was derived from.
"""

import dataclasses
from datetime import UTC, datetime

import duckdb
import pyarrow.parquet as pq

from flows.importers.landing import Landing, current_landing, land
from flows.importers.recorded import record_landings
from flows.stages import Progress, StepResult
from governance.errors import StateError
from governance.files import digest_of
from governance.settings import Settings
from training.simulator.config import SIMULATOR_VERSION, SimulatorConfig
from training.simulator.simulate import simulate


def run(settings: Settings, progress: Progress, _source: str | None = None) -> StepResult:
    """Simulate around the landed orders, unless the same simulation is landed already."""
    orders, items = (_landing(settings, table) for table in ("order_lines", "items"))
    config = SimulatorConfig(seed=settings.seed, event_count=settings.simulated_events)
    progress(f"{config.event_count:,} events around {orders.rows:,} order lines")
    made = simulate(pq.read_table(orders.path), pq.read_table(items.path), config=config)
    inputs = [orders.sha256, items.sha256, SIMULATOR_VERSION, dataclasses.asdict(config)]
    source_sha256 = digest_of([*inputs, made.events.num_rows, made.searches.num_rows])
    with duckdb.connect() as con:
        landings = [
            land(
                table,
                rows,
                con,
                shop=settings.shop,
                raw_dir=settings.raw_dir,
                source=f"shopper simulator {SIMULATOR_VERSION}, seed {config.seed}",
                source_sha256=source_sha256,
                landed_at=datetime.now(UTC),
                is_empty_allowed=config.event_count == 0,
            )
            for table, rows in (("events", made.events), ("searches", made.searches))
        ]
    record_landings(settings, landings, is_synthetic=True)
    rows = {landing.table: landing.rows for landing in landings}
    return StepResult(
        f"{rows['events']:,} events, {rows['searches']:,} searches (synthetic) "
        f"-> {settings.raw_dir / settings.shop / 'events'}",
        tuple(landing.path for landing in landings),
        {"rows": rows, "config": dataclasses.asdict(config)},
    )


def _landing(settings: Settings, table: str) -> Landing:
    landing = current_landing(settings.raw_dir, settings.shop, table)
    if landing is None:
        raise StateError(
            f"raw table {table} of shop {settings.shop} is missing",
            where=str(settings.raw_dir / settings.shop / table),
            why="the simulator writes its sessions around real baskets and found none",
            next_step=f"counterfoil import {settings.shop}",
        )
    return landing
