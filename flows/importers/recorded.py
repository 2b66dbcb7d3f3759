"""Write into the records what was landed, and from what."""

from collections.abc import Iterable

from flows.importers.landing import Landing
from governance.records import ImportRecord, session
from governance.settings import Settings


def record_landings(
    settings: Settings, landings: Iterable[Landing], *, is_synthetic: bool = False
) -> None:
    """One record a landing."""
    with session(settings) as records:
        records.add_all(
            ImportRecord(
                shop=landing.shop,
                table_name=landing.table,
                source=landing.source,
                source_sha256=landing.source_sha256,
                landing_sha256=landing.sha256,
                rows=landing.rows,
                is_synthetic=is_synthetic,
            )
            for landing in landings
        )
