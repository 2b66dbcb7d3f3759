"""Errors a person can act on: what happened, where, why, and what to do next.

Every room raises these; the command line prints them without a stack trace and leaves with
``exit_code`` (1: a gate said no, 2: usage, input or crash). The shape is DESIGN.md section 7.
"""

from collections.abc import Sequence


class CounterfoilError(Exception):
    """An error with its four answers; ``rows`` are further ``(label, text)`` lines."""

    exit_code = 2

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        why: str = "",
        next_step: str = "",
        rows: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.what = what
        self.where = where
        self.why = why
        self.next_step = next_step
        self.rows = tuple(rows)
        super().__init__(what)

    def __str__(self) -> str:
        labelled = [("where", self.where), ("why", self.why), *self.rows, ("next", self.next_step)]
        return "\n".join(
            [f"error: {self.what}", *(f"  {k:<8}  {v}" for k, v in labelled if v)],
        )

    def as_dict(self) -> dict[str, object]:
        """The same answers as JSON, for records and for crossing a process boundary."""
        return {
            "kind": type(self).__name__,
            "what": self.what,
            "where": self.where,
            "why": self.why,
            "next_step": self.next_step,
            "rows": [list(row) for row in self.rows],
        }


class InputError(CounterfoilError):
    """A file, column, type, name or setting given from outside cannot be used."""


class StateError(CounterfoilError):
    """Something an earlier step should have left is not there, or is not whole."""


class StageFailed(CounterfoilError):
    """A stage of a flow ended without its result, for a reason outside the input."""


class GateRefused(CounterfoilError):
    """A check ran to its end and said no."""

    exit_code = 1


class ContractFailed(GateRefused):
    """A table breaks its contract; the message is the table of DESIGN.md section 7."""

    def __init__(
        self,
        what: str,
        *,
        failures: Sequence[tuple[str, str, int, str]],
        where: str = "",
        why: str = "",
        next_step: str = "",
        rows: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.failures = tuple(failures)
        super().__init__(what, where=where, why=why, next_step=next_step, rows=rows)

    def __str__(self) -> str:
        head, *rest = super().__str__().splitlines()
        return "\n".join([head, *failure_table(self.failures), *rest])

    def as_dict(self) -> dict[str, object]:
        return super().as_dict() | {"failures": [list(failure) for failure in self.failures]}


def failure_table(failures: Sequence[tuple[str, str, int, str]]) -> list[str]:
    """Lines ``column check bad sample``, aligned; one line per failed check."""
    if not failures:
        return []
    rows = [("column", "check", "bad", "sample")]
    rows += [(column, check, f"{bad:,}", sample) for column, check, bad, sample in failures]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    return [
        f"  {c:<{widths[0]}}  {k:<{widths[1]}}  {b:>{widths[2]}}  {s}".rstrip()
        for c, k, b, s in rows
    ]


def error_from_dict(fields: dict[str, object]) -> CounterfoilError:
    """Rebuild an error that another process reported by :meth:`CounterfoilError.as_dict`."""
    kinds = {kind.__name__: kind for kind in (InputError, StateError, StageFailed, GateRefused)}
    text = {key: str(fields.get(key, "")) for key in ("where", "why", "next_step")}
    rows = [(str(k), str(v)) for k, v in _pairs(fields.get("rows"))]
    what = str(fields.get("what", "unknown error"))
    if fields.get("kind") == ContractFailed.__name__:
        failures = [
            (str(c), str(k), int(str(b)), str(s)) for c, k, b, s in _lists(fields.get("failures"))
        ]
        return ContractFailed(what, failures=failures, rows=rows, **text)
    return kinds.get(str(fields.get("kind")), CounterfoilError)(what, rows=rows, **text)


def _lists(value: object) -> list[list[object]]:
    return [list(row) for row in value] if isinstance(value, list) else []


def _pairs(value: object) -> list[tuple[object, object]]:
    return [(row[0], row[1]) for row in _lists(value)]
