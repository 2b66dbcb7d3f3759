"""What ``counterfoil features plan`` prints: the plan of the working tree against this home."""

from dataclasses import asdict
from typing import Any

from feature_repo.applied import declared_now, last_applied
from feature_repo.plan import Released, diff
from governance.errors import GateRefused
from governance.models import released_versions
from governance.settings import Settings


def changes_of(settings: Settings) -> list[dict[str, Any]]:
    """Every change as a row, breaking ones with the released models that they would break."""
    released = tuple(
        Released(row.model_name, row.model_version, row.feature_service, row.schema_hash)
        for row in released_versions(settings)
    )
    changes = diff(last_applied(settings), declared_now(settings.dbt_dir), released)
    return [asdict(change) | {"is_breaking": change.is_breaking} for change in changes]


def as_table(changes: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The rows that a person reads."""
    return [
        {
            "change": row["change"],
            "name": row["subject"],
            "what": row["what"],
            "services": ", ".join(row["services"]) or "none",
            "breaking": f"{'yes' if row['is_breaking'] else 'no'}: {row['verdict']}",
        }
        for row in changes
    ]


def refuse_breaking(changes: list[dict[str, Any]]) -> None:
    """Exit code 1 when a change would break a service that a released model reads."""
    breaking = [row for row in changes if row["is_breaking"]]
    if not breaking:
        return
    models = dict.fromkeys(model for row in breaking for model in row["released"])
    services = dict.fromkeys(service for row in breaking for service in row["services"])
    raise GateRefused(
        f"{len(breaking)} of {len(changes)} changes break {', '.join(models)}",
        where=", ".join(services),
        why=f"{breaking[0]['subject']}: {breaking[0]['verdict']}",
        next_step="take it back, or name the new columns in a service of the next number",
    )
