"""The shop contract: raw tables as declared among dbt's sources (DESIGN.md, section 2)."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from governance.declared_columns import Column, read_column
from governance.declared_yaml import Node, dicts, entries
from governance.errors import InputError


@dataclass(frozen=True)
class RawTable:
    """One table of the shop contract as declared among dbt's sources."""

    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    no_repeat_on: tuple[str, ...]
    references: tuple[tuple[str, str], ...]
    min_rows: int
    quarantine_limit_rate: float | None  # None: the setting of that name holds
    is_optional: bool
    path: Path
    line: int
    happened_at: tuple[str, ...] = ()  # times that lie before the landing


@lru_cache(maxsize=8)
def read_raw_tables(dbt_dir: Path) -> tuple[RawTable, ...]:
    """The shop contract: every table of the dbt source ``raw``, in name order."""
    tables = [
        _raw_table(Node(table, path, str(table.get("name", "?"))))
        for path in sorted((dbt_dir / "models").rglob("*.yml"))
        for source in entries(path, "sources")
        if source.get("name") == "raw"
        for table in dicts(source.get("tables"))
    ]
    if not tables:
        raise InputError(
            "the shop contract is not declared",
            where=str(dbt_dir / "models"),
            why="no .yml there has a source named raw",
            next_step="restore dbt/models/staging from version control",
        )
    return tuple(sorted(tables, key=lambda table: table.name))


def _raw_table(node: Node) -> RawTable:
    references = node.meta.child("references").fields
    return RawTable(
        name=node.text("name"),
        description=node.text("description"),
        columns=tuple(read_column(column) for column in node.columns),
        key=node.meta.strings("key"),
        no_repeat_on=node.meta.strings("no_repeat_on"),
        references=tuple((key, str(value)) for key, value in references.items()),
        min_rows=int(node.meta.number("min_rows") or 0),
        quarantine_limit_rate=node.meta.number("quarantine_limit_rate"),
        is_optional=node.meta.flag("optional", default=False),
        path=node.path,
        line=node.line,
        happened_at=node.meta.strings("happened_at"),
    )
