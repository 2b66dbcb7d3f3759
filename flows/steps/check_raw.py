"""Check raw: every landed table against the shop contract; what passes becomes ``raw.<table>``.

Rows that break a rule go to ``quarantine/<shop>/<table>.parquet`` with row number and reason. The
views that dbt reads are the landed rows minus those, and empty typed views for the tables that
this shop does not have.
"""

from pathlib import Path
from typing import Any

import duckdb
import ibis

from flows.importers.landing import Landing, current_landing
from flows.stages import Progress, StepResult
from governance.contract_check import ContractResult, check, refuse_above
from governance.contracts import ROW_NUMBER, raw_contract
from governance.declarations import RawTable, read_raw_tables
from governance.errors import ContractFailed, InputError
from governance.files import write_json
from governance.records import ContractCheck, session
from governance.settings import Settings


def run(settings: Settings, progress: Progress, _source: str | None = None) -> StepResult:
    """Hold every landed table against its contract, then define the views on what was kept."""
    declared = read_raw_tables(settings.dbt_dir)
    landings = {table.name: _landing(table, settings) for table in declared}
    results = _check_all(declared, landings, settings, progress)
    _define_views(declared, landings, results, settings)
    summary_path = settings.quarantine_dir / settings.shop / "summary.json"
    write_json(summary_path, _summary(landings, results))
    bad = sum(result.rows_quarantined for result in results.values())
    rows = sum(result.rows_in for result in results.values())
    return StepResult(
        f"{rows:,} rows checked, {bad:,} set aside -> {summary_path.parent}",
        (summary_path,),
        {"tables": {name: facts_of(result) for name, result in results.items()}},
    )


def _summary(
    landings: dict[str, Landing | None], results: dict[str, ContractResult]
) -> dict[str, object]:
    """Counts by table, and the digest of what was landed: other rows may have the same counts."""
    landed = {name: landing.sha256 for name, landing in landings.items() if landing}
    return {name: facts_of(result) | {"landed": landed[name]} for name, result in results.items()}


def _landing(table: RawTable, settings: Settings) -> Landing | None:
    landing = current_landing(settings.raw_dir, settings.shop, table.name)
    if landing is None and not table.is_optional:
        raise InputError(
            f"raw table {table.name} of shop {settings.shop} is missing",
            where=str(settings.raw_dir / settings.shop / table.name),
            why="no whole landing is there, and nothing can be built without this table",
            next_step=f"counterfoil import {settings.shop}",
        )
    return landing


def _check_all(
    declared: tuple[RawTable, ...],
    landings: dict[str, Landing | None],
    settings: Settings,
    progress: Progress,
) -> dict[str, ContractResult]:
    backend = ibis.duckdb.connect(
        threads=settings.threads, memory_limit=settings.duckdb_memory_limit
    )
    tables = {
        name: backend.read_parquet(str(landing.path), file_row_number=True)
        for name, landing in landings.items()
        if landing is not None
    }
    results = {}
    for table in _referenced_first(declared):
        if table.name not in tables:
            continue
        progress(table.name)
        landing = landings[table.name]
        contract = raw_contract(table, tables, landing.landed_at if landing else None)
        path = settings.quarantine_dir / settings.shop / f"{table.name}.parquet"
        result = check(contract, tables[table.name], quarantine_path=path)
        results[table.name] = result
        if result.quarantine_path is not None:  # what was set aside is there for no reference
            aside = backend.read_parquet(str(result.quarantine_path))[ROW_NUMBER]
            kept = tables[table.name]
            tables[table.name] = kept.filter(~kept[ROW_NUMBER].isin(aside))
        try:
            _refuse_too_few(table, result)
            refuse_above(result, contract, limit_rate=_limit_rate(table, settings))
        except ContractFailed:
            record_check(result, settings, stage="raw", is_passed=False)
            raise
        record_check(result, settings, stage="raw", is_passed=True)
    return {table.name: results[table.name] for table in declared if table.name in results}


def _referenced_first(declared: tuple[RawTable, ...]) -> list[RawTable]:
    """Each table after those that its references name; InputError where they name each other."""
    ordered: list[RawTable] = []
    waiting = list(declared)
    while waiting:
        left = {table.name for table in waiting}
        free = [t for t in waiting if not left & ({other for _, other in t.references} - {t.name})]
        if not free:
            raise InputError(
                f"the raw tables {', '.join(sorted(left))} refer to each other",
                where=f"{waiting[0].path}:{waiting[0].line}",
                next_step="take one of the references out",
            )
        ordered += free
        waiting = [table for table in waiting if table not in free]
    return ordered


def _refuse_too_few(table: RawTable, result: ContractResult) -> None:
    if result.rows_kept < table.min_rows:
        raise ContractFailed(
            f"contract {table.name} failed: {result.rows_kept:,} rows were kept",
            failures=result.failures,
            where=f"{table.path}:{table.line}",
            why=f"at least {table.min_rows:,} are needed",
            next_step="check that the source is the whole data set",
        )


def _limit_rate(table: RawTable, settings: Settings) -> float:
    own = table.quarantine_limit_rate
    return settings.quarantine_limit_rate if own is None else own


def record_check(
    result: ContractResult, settings: Settings, *, stage: str, is_passed: bool
) -> None:
    """Append the result of one contract check to the records."""
    with session(settings) as records:
        records.add(
            ContractCheck(
                stage=stage,
                table_name=result.table,
                checks=result.checks,
                rows_in=result.rows_in,
                rows_kept=result.rows_kept,
                rows_quarantined=result.rows_quarantined,
                is_passed=is_passed,
                failures=facts_of(result)["failures"],
            )
        )


def _define_views(
    declared: tuple[RawTable, ...],
    landings: dict[str, Landing | None],
    results: dict[str, ContractResult],
    settings: Settings,
) -> None:
    with _warehouse(settings.warehouse_path) as warehouse:
        warehouse.execute("create schema if not exists raw").fetchall()
        for table in declared:
            landing = landings[table.name]
            select = (
                _empty_select(table)
                if landing is None
                else _kept_select(table, landing, results[table.name])
            )
            warehouse.execute(f"create or replace view raw.{table.name} as {select}").fetchall()


def _kept_select(table: RawTable, landing: Landing, result: ContractResult) -> str:
    columns = ", ".join(column.name for column in table.columns)
    landed_at = landing.landed_at.strftime("%Y-%m-%d %H:%M:%S")
    aside = ""
    if result.quarantine_path is not None:
        aside = (
            f" where {ROW_NUMBER} not in "
            f"(select {ROW_NUMBER} from read_parquet({_quoted(result.quarantine_path)}))"
        )
    return (
        f"select {columns}, timestamp '{landed_at}' as landed_at "
        f"from read_parquet({_quoted(landing.path)}, file_row_number = true){aside}"
    )


def _empty_select(table: RawTable) -> str:
    columns = ", ".join(f"null::{column.data_type} as {column.name}" for column in table.columns)
    return f"select {columns}, null::timestamp as landed_at where false"


def _warehouse(path: Path) -> duckdb.DuckDBPyConnection:
    """The warehouse; one that a kill tore is made anew, since all of it is derived from raw."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return duckdb.connect(str(path))
    except (duckdb.IOException, duckdb.SerializationException, duckdb.InternalException) as error:
        if "lock" in str(error).lower():
            raise InputError(
                "the warehouse is in use by another process",
                where=str(path),
                why=str(error).splitlines()[0],
                next_step="close the other program (a DuckDB shell, a notebook) and run again",
            ) from None
        path.unlink()
        path.with_suffix(path.suffix + ".wal").unlink(missing_ok=True)
        return duckdb.connect(str(path))


def facts_of(result: ContractResult) -> dict[str, Any]:
    """The result as JSON for summaries, records and the report."""
    return {
        "checks": result.checks,
        "rows_in": result.rows_in,
        "rows_kept": result.rows_kept,
        "rows_quarantined": result.rows_quarantined,
        "failures": [
            {"column": column, "check": label, "bad": bad, "sample": sample}
            for column, label, bad, sample in result.failures
        ],
    }


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
