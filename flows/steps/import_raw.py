"""Import: the shop's own files become landed raw tables with manifests."""

from flows.importers.registry import import_shop
from flows.stages import Progress, StepResult
from governance.records import ImportRecord, session
from governance.settings import Settings


def run(settings: Settings, progress: Progress, source: str | None = None) -> StepResult:
    """Land every raw table of the shop and record each landing."""
    landings = import_shop(settings.shop, source=source, settings=settings, progress=progress)
    with session(settings) as records:
        records.add_all(
            ImportRecord(
                shop=landing.shop,
                table_name=landing.table,
                source=landing.source,
                source_sha256=landing.source_sha256,
                landing_sha256=landing.sha256,
                rows=landing.rows,
                is_synthetic=False,
            )
            for landing in landings
        )
    rows = {landing.table: landing.rows for landing in landings}
    return StepResult(
        f"{sum(rows.values()):,} rows in {len(rows)} tables -> {settings.raw_dir / settings.shop}",
        tuple(landing.path for landing in landings),
        {"shop": settings.shop, "rows": rows},
    )
