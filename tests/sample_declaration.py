"""One good feature declaration as text, for tests that break it or build on it."""

from pathlib import Path

GOOD = """\
models:
  - name: ftr_user__visits
    description: Visits. One row per user and day.
    config:
      contract: {enforced: true}
      meta:
        owner: growth
        feast:
          entity: user_id
          timestamp: event_timestamp
          created_timestamp: created_at
          ttl: 30d
    data_tests:
      - unique_key:
          arguments: {columns: [user_id, event_timestamp]}
    columns:
      - name: user_id
        data_type: varchar
        description: Who.
        config: {meta: {pii: pseudonym}}
      - {name: event_timestamp, data_type: timestamp, description: When.}
      - {name: created_at, data_type: timestamp, description: When it was known.}
      - name: user__visit_count_28d
        data_type: bigint
        description: Visits.
        config:
          meta:
            nullable: false
            range: [0, 100]
            default: 0
            pii: indirect
"""


def declare(folder: Path, text: str = GOOD, *, name: str = "ftr_user__visits") -> Path:
    """Write ``text`` as the declaration of ``name`` in a dbt project; the project's folder."""
    path = folder / "models" / "features" / f"{name}.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return folder
