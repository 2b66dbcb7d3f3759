"""Contracts: what a declared table must look like, as typed columns and row rules.

The declarations (dbt's ``.yml``) are read by ``governance.declarations``; this module turns each
column's null rule, range, set, pattern, key and reference into one :class:`Rule`, an ibis
expression that is true for the rows that pass. ``governance.contract_check`` runs them.
"""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import ibis
import ibis.expr.types as ir

from governance.declarations import Column, FeatureModel, RawTable

ROW_NUMBER = "file_row_number"  # DuckDB's name for a row's position in its Parquet file

Test = Callable[[ir.Value], ir.BooleanValue]


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


def raw_contract(
    table: RawTable, others: dict[str, ir.Table], landed_at: datetime | None = None
) -> Contract:
    """The contract of a raw table; ``others`` are the tables its references point to.

    What happened happened before it was ``landed_at``, but for a day between time zones: one order
    of the year 2099 would move the store's clock there, and every other value past its ttl.
    """
    rules = [rule for column in table.columns for rule in column_rules(column)]
    if table.key:
        rules.append(_first_of(table.key, "key not repeated"))
    if table.no_repeat_on:
        rules.append(_first_of(table.no_repeat_on, "not an exact duplicate"))
    for column, other in table.references:
        if other in others:
            rules.append(_refers_to(column, other, others[other]))
    if landed_at is not None:
        latest = (landed_at + timedelta(days=1)).astimezone(UTC).replace(tzinfo=None)
        rules += [_not_after(column, latest) for column in table.happened_at]
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
        rules.append(_rule(name, f">= {column.low:g}", _compare(operator.ge, column.low)))
    if column.high is not None:
        rules.append(_rule(name, f"<= {column.high:g}", _compare(operator.le, column.high)))
    if column.above is not None:
        rules.append(_rule(name, f"> {column.above:g}", _compare(operator.gt, column.above)))
    if column.choices:
        rules.append(_rule(name, f"in {list(column.choices)}", lambda v: v.isin(column.choices)))
    if column.not_in:
        label = f"not in [{', '.join(f'{value:g}' for value in column.not_in)}]"
        rules.append(_rule(name, label, lambda v: v.notin(column.not_in)))
    if column.pattern:
        rules.append(_rule(name, f"~ {column.pattern}", lambda v: v.re_search(column.pattern)))
    return rules


def _compare(compare: Callable[[ir.Value, float], ir.BooleanValue], bound: float) -> Test:
    return lambda value: compare(value, bound)


def _rule(name: str, label: str, test: Test) -> Rule:
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
        known = other.filter(other[name].notnull())[name]  # one null would let every key pass
        return (table[name].isnull() | table[name].isin(known)).fill_null(True)

    return Rule(name, f"stands in {other_name}", holds)


def _not_after(name: str, latest: datetime) -> Rule:
    bound = ibis.literal(latest)
    return Rule(
        name, "not after it was landed", lambda table: (table[name] <= bound).fill_null(True)
    )


def _labels(rules: Sequence[Rule]) -> set[str]:
    return {f"{rule.column} {rule.label}" for rule in rules}
