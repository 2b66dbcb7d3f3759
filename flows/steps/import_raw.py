"""Import: the shop's own files become landed raw tables with manifests."""

from flows.importers.recorded import record_landings
from flows.importers.registry import import_shop
from flows.stages import Progress, StepResult
from governance.settings import Settings


def run(settings: Settings, progress: Progress, source: str | None = None) -> StepResult:
    """Land every raw table of the shop and record each landing."""
    landings = import_shop(settings.shop, source=source, settings=settings, progress=progress)
    record_landings(settings, landings)
    rows = {landing.table: landing.rows for landing in landings}
    return StepResult(
        f"{sum(rows.values()):,} rows in {len(rows)} tables -> {settings.raw_dir / settings.shop}",
        tuple(landing.path for landing in landings),
        {"shop": settings.shop, "rows": rows},
    )
