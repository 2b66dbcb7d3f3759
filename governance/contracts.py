"""Contracts: a declared table becomes a Pandera schema, and rows that break it are set aside.

The declarations (dbt's ``.yml``) are read by ``governance.declarations``; this module turns each
column's null rule, range, set, pattern, key and reference into one :class:`Rule`, runs the rules
through Pandera's ibis backend on DuckDB (2 M rows in 0.9 s against 4.2 s in pandas), and writes
the rows that fail to quarantine with row number and reason. Never a polars LazyFrame: Pandera
passes bad data through one in silence.
"""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from tempfile import TemporaryDirectory

import ibis
import ibis.expr.types as ir
import pandera.ibis as pa
from pandera.errors import SchemaError, SchemaErrorReason, SchemaErrors

from governance.declarations import Column, FeatureModel, RawTable
from governance.errors import ContractFailed, StageFailed
from governance.files import atomic_path

ROW_NUMBER = "file_row_number"  # DuckDB's name for a row's position in its Parquet file
REASON = "quarantine_reason"
_IBIS_TYPES = {
    "varchar": "string", "bigint": "int64", "double": "float64", "float": "float32",
    "boolean": "boolean", "timestamp": "timestamp(6)", "date": "date",
}  # fmt: skip
_SAMPLE_ROWS = 2  # enough to find the rest with


@dataclass(frozen=True)
class Rule:
    """One check of one column (or key): ``holds(table)`` is true for the rows that pass."""

    column: str
    label: str
    holds: Callable[[ir.Table], ir.BooleanValue]


@dataclass(frozen=True)
class Contract:
    """A table's name, typed columns, rules and key, with the file that declares them."""

    table: str
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]
    key: tuple[str, ...]
    declared: str
    made_by: str = ""

    @property
    def check_count(self) -> int:
        return len(self.columns) + len(self.rules)  # one type check a column, one a rule


@dataclass(frozen=True)
class ContractResult:
    """What came of a check; ``failures`` are (column, check, bad rows, sample)."""

    table: str
    checks: int
    rows_in: int
    rows_kept: int
    rows_quarantined: int
    failures: tuple[tuple[str, str, int, str], ...]
    quarantine_path: Path | None = None

    @property
    def bad_rate(self) -> float:
        return self.rows_quarantined / self.rows_in if self.rows_in else 0.0


def raw_contract(table: RawTable, others: dict[str, ir.Table]) -> Contract:
    """The contract of a raw table; ``others`` are the tables its references point to."""
    rules = [rule for column in table.columns for rule in column_rules(column)]
    if table.key:
        rules.append(_first_of(table.key, "key not repeated"))
    if table.no_repeat_on:
        rules.append(_first_of(table.no_repeat_on, "not an exact duplicate"))
    for column, other in table.references:
        if other in others:
            rules.append(_refers_to(column, other, others[other]))
    declared = f"{table.path}:{table.line}"
    return Contract(table.name, table.columns, tuple(rules), table.key, declared)


def feature_contract(model: FeatureModel) -> Contract:
    """The contract of a feature table: its columns' rules and its key's uniqueness."""
    key = (*model.entities, model.timestamp)
    rules = [rule for column in model.columns for rule in column_rules(column)]
    rules += [_not_null(name) for name in key if f"{name} not null" not in _labels(rules)]
    rules.append(_first_of((*key, model.created_timestamp), "key not repeated"))
    declared, made_by = f"{model.path}:{model.line}", str(model.sql_path)
    return Contract(model.name, model.columns, tuple(rules), key, declared, made_by)


def column_rules(column: Column) -> list[Rule]:
    """The rules that one declared column asks for; a null passes all but ``not null``."""
    name = column.name
    rules = [] if column.nullable else [_not_null(name)]
    if column.low is not None:
        rules.append(_rule(name, f">= {column.low:g}", lambda v, low=column.low: v >= low))
    if column.high is not None:
        rules.append(_rule(name, f"<= {column.high:g}", lambda v, high=column.high: v <= high))
    if column.above is not None:
        rules.append(_rule(name, f"> {column.above:g}", lambda v, bound=column.above: v > bound))
    if column.choices:
        rules.append(_rule(name, f"in {list(column.choices)}", lambda v: v.isin(column.choices)))
    if column.not_in:
        label = f"not in {[f'{value:g}' for value in column.not_in]}"
        rules.append(_rule(name, label, lambda v: v.notin(column.not_in)))
    if column.pattern:
        rules.append(_rule(name, f"~ {column.pattern}", lambda v: v.re_search(column.pattern)))
    return rules


def type_schema(contract: Contract) -> pa.DataFrameSchema:
    """The declared columns and types as a Pandera schema."""
    columns = {
        column.name: pa.Column(ibis.dtype(_IBIS_TYPES[column.data_type]), nullable=True)
        for column in contract.columns
    }
    return pa.DataFrameSchema(columns, name=contract.table, strict=False)


def rule_schema(contract: Contract) -> pa.DataFrameSchema:
    """The rules as a Pandera schema over the boolean columns that :func:`_flags` computes."""
    checks = [
        pa.Check(
            lambda data, flag=_flag(index): data.table[flag],
            name=str(index),
            n_failure_cases=1,  # without it Pandera builds a Python dict for every bad row
        )
        for index in range(len(contract.rules))
    ]
    return pa.DataFrameSchema(checks=checks, name=contract.table, strict=False)


def check(contract: Contract, table: ir.Table, *, quarantine_path: Path) -> ContractResult:
    """Hold ``table`` (with :data:`ROW_NUMBER`) against the contract; set failing rows aside.

    The table is read once: every rule becomes one boolean column of a narrow file beside the
    quarantine, and the rest reads that. A wrong or missing column raises ContractFailed at once,
    since no row could pass. The caller decides what share of bad rows is too much
    (:func:`refuse_above`).
    """
    _refuse_types(contract, table)
    with TemporaryDirectory(prefix="flags-", dir=_made(quarantine_path.parent)) as folder:
        flags = _flags(contract, table, Path(folder) / "flags.parquet")
        broken = _broken_rules(contract, flags)
        rows_in = int(flags.count().to_pyarrow().as_py())
        if not broken:
            quarantine_path.unlink(missing_ok=True)
            return ContractResult(contract.table, contract.check_count, rows_in, rows_in, 0, ())
        fails = ibis.or_(*(~flags[_flag(index)] for index in broken))
        reasons = flags.filter(fails).select(
            ROW_NUMBER, *map(_flag, broken), **{REASON: _reasons(contract, flags, broken)}
        )
        bad = table.inner_join(reasons, ROW_NUMBER).order_by(ROW_NUMBER)
        with atomic_path(quarantine_path) as beside:
            bad.select(*table.columns, REASON).to_parquet(str(beside))
        failures = tuple(_failure(contract, index, bad) for index in broken)
        rows_bad = int(bad.count().to_pyarrow().as_py())
        rows_kept = int(flags.filter(~fails).count().to_pyarrow().as_py())
    _refuse_loss(contract, rows_in=rows_in, rows_kept=rows_kept, rows_bad=rows_bad)
    return ContractResult(
        contract.table, contract.check_count, rows_in, rows_kept, rows_bad, failures,
        quarantine_path,
    )  # fmt: skip


def refuse_above(result: ContractResult, contract: Contract, *, limit_rate: float) -> None:
    """Raise ContractFailed when more than ``limit_rate`` of the rows are bad."""
    if result.bad_rate <= limit_rate:
        return
    made_by = [("declared", contract.declared), ("made by", contract.made_by)]
    raise ContractFailed(
        f"contract {contract.table} failed: {len(result.failures)} of {result.checks} checks, "
        f"{result.rows_quarantined:,} of {result.rows_in:,} rows",
        failures=result.failures,
        rows=[(label, text) for label, text in made_by if text],
        why=f"{result.bad_rate:.1%} of the rows are bad, {limit_rate:.1%} are allowed",
        next_step=f"look at {result.quarantine_path}, mend the source, and run again",
    )


def _refuse_loss(contract: Contract, *, rows_in: int, rows_kept: int, rows_bad: int) -> None:
    if rows_kept + rows_bad != rows_in:
        raise StageFailed(
            f"rows of {contract.table} were lost while checking",
            where=contract.declared,
            why=f"{rows_in:,} rows in, {rows_kept:,} kept, {rows_bad:,} quarantined",
            next_step="a rule is neither true nor false for some row; mend the declaration",
        )


def _flags(contract: Contract, table: ir.Table, path: Path) -> ir.Table:
    columns = {_flag(index): rule.holds(table) for index, rule in enumerate(contract.rules)}
    table.select(ROW_NUMBER, **columns).to_parquet(str(path))
    return ibis.get_backend(table).read_parquet(str(path))


def _flag(index: int) -> str:
    return f"rule_{index}"


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _broken_rules(contract: Contract, flags: ir.Table) -> list[int]:
    try:
        rule_schema(contract).validate(flags, lazy=True)
    except SchemaErrors as errors:
        return [int(error.check.name) for error in errors.schema_errors]
    return []


def _refuse_types(contract: Contract, table: ir.Table) -> None:
    try:
        type_schema(contract).validate(table.limit(0), lazy=True)
    except SchemaErrors as errors:
        failures = [_shape_failure(error) for error in errors.schema_errors]
        raise ContractFailed(
            f"contract {contract.table} failed: the table does not have the declared columns",
            failures=failures,
            rows=[("declared", contract.declared)],
            next_step="mend the importer or the model so that columns and types are as declared",
        ) from None


def _shape_failure(error: SchemaError) -> tuple[str, str, int, str]:
    if error.reason_code is SchemaErrorReason.COLUMN_NOT_IN_DATAFRAME:
        return str(error.failure_cases), "column present", 0, "missing"
    return str(error.schema.name), str(error.check), 0, f"is {error.failure_cases}"


def _failure(contract: Contract, index: int, bad: ir.Table) -> tuple[str, str, int, str]:
    rule = contract.rules[index]
    rows = bad.filter(~bad[_flag(index)])
    shown = list(dict.fromkeys([*contract.key, *rule.column.split(", ")]))
    first = rows.select(*shown).limit(_SAMPLE_ROWS).to_pyarrow().to_pylist()
    sample = "; ".join(" ".join(f"{k}={v}" for k, v in row.items()) for row in first)
    return rule.column, rule.label, int(rows.count().to_pyarrow().as_py()), sample


def _reasons(contract: Contract, marked: ir.Table, broken: Sequence[int]) -> ir.StringValue:
    texts = [_reason(contract.rules[index], marked[_flag(index)]) for index in broken]
    return reduce(operator.add, texts)


def _reason(rule: Rule, passes: ir.BooleanValue) -> ir.StringValue:
    return ibis.ifelse(passes, "", f"{rule.column}: {rule.label}; ")


def _rule(name: str, label: str, test: Callable[[ir.Value], ir.BooleanValue]) -> Rule:
    return Rule(name, label, lambda table: test(table[name]).fill_null(True))


def _not_null(name: str) -> Rule:
    def holds(table: ir.Table) -> ir.BooleanValue:
        value = table[name]
        return value.notnull() & ~value.isnan() if value.type().is_floating() else value.notnull()

    return Rule(name, "not null", lambda table: holds(table).fill_null(False))


def _first_of(names: Sequence[str], label: str) -> Rule:
    def holds(table: ir.Table) -> ir.BooleanValue:
        order = table[ROW_NUMBER]
        return ibis.row_number().over(group_by=[table[n] for n in names], order_by=order) == 0

    return Rule(", ".join(names), label, holds)


def _refers_to(name: str, other_name: str, other: ir.Table) -> Rule:
    def holds(table: ir.Table) -> ir.BooleanValue:
        return (table[name].isnull() | table[name].isin(other[name])).fill_null(True)

    return Rule(name, f"stands in {other_name}", holds)


def _labels(rules: Sequence[Rule]) -> set[str]:
    return {f"{rule.column} {rule.label}" for rule in rules}
