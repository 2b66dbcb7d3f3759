"""Online equals offline: reads of the online store against point-in-time values at their instant.

Each read says up to which instant its views were materialised; the offline store is asked for the
same entity at that instant, in one point-in-time join per service, and the values are compared as
float32, which is what models see. Where the reads come from is in ``sampled_reads.py``, what rows
pushed in between change in ``pushed_replay.py``. ``counterfoil features check`` and the stage
check_online run all of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from feature_repo.pushed_replay import as_floats, pushed_values
from feature_repo.services import ServiceView, service_views
from governance.receipts import ReadAt
from governance.settings import Settings

Kind = Literal["equal", "mismatch", "missing", "extra"]
EQUAL, MISMATCH, MISSING, EXTRA = range(4)
KINDS: tuple[Kind, ...] = ("equal", "mismatch", "missing", "extra")
SHOWN = 5  # differences shown with their values, per feature

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Read:
    """The values of one entity as the online store gave them; None where it had none."""

    service: str
    entity: str
    entity_id: str
    values: Mapping[str, float | None]  # by feature
    at: ReadAt
    made_at: datetime
    origin: Literal["logged", "live"]
    is_superseded: bool = False  # of a build whose raw rows or SQL are not the present ones


@dataclass(frozen=True)
class Difference:
    """One value that is not the same online and offline."""

    feature: str
    kind: Kind
    read: Read
    online: float | None
    offline: float | None

    def __str__(self) -> str:
        at = f"{self.read.at.clock:%Y-%m-%d %H:%M:%S}"
        values = f"online={_shown(self.online)} offline={_shown(self.offline)}"
        return f"{self.read.entity}={self.read.entity_id} at {at} {values} ({self.read.origin})"


@dataclass(frozen=True)
class FeatureTally:
    """One feature over all reads; differences of superseded reads are counted apart."""

    feature: str
    view: str
    compared: int
    mismatch: int
    missing: int  # offline has a value, online has not
    extra: int  # online has a value, offline has not
    superseded: int
    max_difference: float  # largest absolute difference where both have a value
    samples: tuple[Difference, ...]

    @property
    def bad(self) -> int:
        return self.mismatch + self.missing + self.extra


def check_reads(reads: Sequence[Read], settings: Settings) -> tuple[FeatureTally, ...]:
    """Every feature that was read, compared with offline; one join for each service."""
    tallies = []
    for service in sorted({read.service for read in reads}):
        views = service_views(service, dbt_dir=settings.dbt_dir)
        of_service = [read for read in reads if read.service == service]
        offline = _OfflineValues(of_service, service, views, settings)
        for model, columns in views:
            names = [column.name for column in columns]
            seen = [r for r in of_service if (r.entity,) == model.entities and names[0] in r.values]
            if seen:
                found = offline.at_reads(seen, model.name, names)
                for place, values in pushed_values(model, names, seen, settings).items():
                    found[place] = values
                tallies += list(tally(seen, model.name, names, found))
    return tuple(tallies)


def tally(
    reads: Sequence[Read], view: str, names: Sequence[str], offline: Floats
) -> Iterator[FeatureTally]:
    """Compare ``reads`` with ``offline`` (reads, names), NaN where it has no value."""
    online = np.array([[_number(r.values[name]) for name in names] for r in reads])
    online = online.reshape(offline.shape)
    kinds = kinds_of(online, offline)
    old = np.array([read.is_superseded for read in reads], dtype=bool)
    for place, name in enumerate(names):
        found, bad = kinds[:, place], np.flatnonzero((kinds[:, place] != EQUAL) & ~old)
        count = np.bincount(found[~old], minlength=4)
        yield FeatureTally(
            feature=name,
            view=view,
            compared=len(reads),
            mismatch=int(count[MISMATCH]),
            missing=int(count[MISSING]),
            extra=int(count[EXTRA]),
            superseded=int((found[old] != EQUAL).sum()),
            max_difference=_largest_difference(online[~old, place], offline[~old, place]),
            samples=tuple(
                Difference(
                    feature=name,
                    kind=KINDS[found[row]],
                    read=reads[row],
                    online=reads[row].values[name],
                    offline=_known(offline[row, place]),
                )
                for row in bad[:SHOWN]
            ),
        )


def kinds_of(online: Floats, offline: Floats) -> npt.NDArray[np.uint8]:
    """For each pair of values an index into ``KINDS``; equal means the same float32, or neither."""
    with np.errstate(over="ignore"):  # what no float32 can hold is infinite on both sides
        left, right = online.astype(np.float32), offline.astype(np.float32)
    has_left, has_right = ~np.isnan(left), ~np.isnan(right)
    kinds = np.full(left.shape, EQUAL, dtype=np.uint8)
    kinds[has_left & has_right & (left != right)] = MISMATCH
    kinds[~has_left & has_right] = MISSING
    kinds[has_left & ~has_right] = EXTRA
    return kinds


class _OfflineValues:
    """Point-in-time values of a service at the instants of reads, joined once."""

    def __init__(
        self,
        reads: Sequence[Read],
        service: str,
        views: Sequence[ServiceView],
        settings: Settings,
    ) -> None:
        from feature_repo.store import historical_features  # Feast: seconds

        points = ((r.entity, r.entity_id, at) for r in reads for at in {r.at.clock, *_instants(r)})
        self._places = {point: place for place, point in enumerate(dict.fromkeys(points))}
        keys = sorted({key for model, _ in views for key in model.entities})
        labels = _labels(list(self._places), keys)
        self._table = historical_features(labels, service=service, settings=settings)

    def at_reads(self, reads: Sequence[Read], view: str, names: Sequence[str]) -> Floats:
        """(reads, names): what each read's view should have given; NaN where nothing."""
        values = np.column_stack([as_floats(self._table[name]) for name in names])
        known = values[self._rows(reads, [read.at.views[view] for read in reads])]
        # A view may stand before the clock; by the clock, what it knew can be past its ttl.
        at_clock = values[self._rows(reads, [read.at.clock for read in reads])]
        return np.where(np.isnan(at_clock).all(axis=1, keepdims=True), np.nan, known)

    def _rows(self, reads: Sequence[Read], instants: Sequence[datetime]) -> list[int]:
        pairs = zip(reads, instants, strict=True)
        return [self._places[read.entity, read.entity_id, at] for read, at in pairs]


def _instants(read: Read) -> list[datetime]:
    return list(read.at.views.values())


def _labels(points: Sequence[tuple[str, str, datetime]], keys: Sequence[str]) -> pa.Table:
    """One label row for each point; the keys of other entities are null."""
    columns = {
        key: pa.array(
            [found if entity == key else None for entity, found, _ in points], pa.string()
        )
        for key in keys
    }
    times = [at.astimezone(UTC).replace(tzinfo=None) for _, _, at in points]
    return pa.table(columns | {"event_timestamp": pa.array(times, pa.timestamp("us"))})


def _largest_difference(online: Floats, offline: Floats) -> float:
    apart = np.abs(online - offline)
    apart = apart[~np.isnan(apart)]
    return float(apart.max()) if len(apart) else 0.0


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:.9g}"  # nine digits tell any two float32 apart
