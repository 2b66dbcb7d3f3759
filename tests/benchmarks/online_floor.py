"""The floor of ``features_online.py``: the same store's bytes into the same values, by hand.

One SQLite query an entity, or one MGET for both, through the same clients. Offsets and widths are
known before; no state is read, no ttl or schema checked, no ages given.
"""

import sqlite3
import struct

import numpy as np
import redis
from online_shop import Shop, models

from feature_repo.row_layout import row_format
from feature_repo.stores.packed_redis_state import PlacedState


class Floor:
    """Where each view's numbers go, and the keys' first bytes, worked out before."""

    def __init__(self, features: int) -> None:
        self.views = {"user_id": [], "item_id": []}
        for model in models(features):
            layout = row_format(model)
            order = [name for name, _ in layout.ordered]
            names = [column.name for column in model.features]
            self.views[model.entities[0]].append((layout, [order.index(name) for name in names]))
        self.heads = {}
        for entity in self.views:
            name = struct.pack("<III", 1, 2, len(entity)) + entity.encode()
            self.heads[entity] = [name + struct.pack("<II", 2, size) for size in range(32)]
        self.places = {}
        for entity, views in self.views.items():
            start, places = 0, []
            for layout, order in views:
                places += [start + place for place in order]
                start += len(layout.ordered)
            self.places[entity] = np.array(places)

    def keys(self, entity: str, ids: list[str]) -> list[bytes]:
        heads = self.heads[entity]
        return [heads[len(key)] + key for key in map(str.encode, ids)]

    def values(self, entity: str, rows: list[np.ndarray]) -> np.ndarray:
        """Every number of every view, NaN where null or absent, in the order asked for."""
        whole = np.empty((len(rows[0]), len(self.places[entity])))
        at = 0
        for (layout, _), part in zip(self.views[entity], rows, strict=True):
            width = len(layout.ordered)
            for kind, first, last in layout.blocks:
                whole[:, at + first : at + last] = part[kind]
            nulls = np.unpackbits(part["nulls"], axis=1, count=width).view(bool)
            nulls |= (part["event_at"] == 0)[:, None]
            whole[:, at : at + width][nulls] = np.nan
            at += width
        return whole[:, self.places[entity]]


class SqliteFloor(Floor):
    def __init__(self, shop: Shop, features: int) -> None:
        super().__init__(features)
        self.connection = sqlite3.connect(shop.home / "ours.db", isolation_level=None)
        self.connection.execute("pragma mmap_size = 268435456")

    def __call__(self, user: str, items: list[str]) -> tuple[np.ndarray, ...]:
        return tuple(self._read(*one) for one in (("user_id", [user]), ("item_id", items)))

    def _read(self, entity: str, ids: list[str]) -> np.ndarray:
        keys, views = self.keys(entity, ids), self.views[entity]
        columns = ",".join(layout.view for layout, _ in views)
        marks = ",".join("?" * len(keys))
        query = f"select entity_key, {columns} from rows_by_{entity} where entity_key in ({marks})"
        found = {row[0]: row for row in self.connection.execute(query, keys).fetchall()}
        nothing = (None,) * (len(views) + 1)
        rows = [found.get(key, nothing) for key in keys]
        parts = []
        for place, (layout, _) in enumerate(views, 1):
            absent = bytes(layout.dtype.itemsize)
            whole = b"".join([row[place] or absent for row in rows])
            parts.append(np.frombuffer(whole, layout.block_dtype))
        return self.values(entity, parts)


class RedisFloor(Floor):
    def __init__(self, shop: Shop, features: int) -> None:
        super().__init__(features)
        self.client = redis.Redis(port=shop.redis_port)
        self.prefix = f"{shop.project}:rows:".encode()
        states = self.client.hgetall(f"{shop.project}:view_state")
        placed = {view.decode(): PlacedState.parse(state) for view, state in states.items()}
        self.dtypes = {}
        for entity, views in self.views.items():
            stops = [s.offset + s.width for s in placed.values() if s.keys == entity]
            self.dtypes[entity] = np.dtype(
                {
                    "names": [layout.view for layout, _ in views],
                    "formats": [layout.block_dtype for layout, _ in views],
                    "offsets": [placed[layout.view].offset for layout, _ in views],
                    "itemsize": max(stops),
                }
            )

    def __call__(self, user: str, items: list[str]) -> tuple[np.ndarray, ...]:
        keys = self.keys("user_id", [user]) + self.keys("item_id", items)
        strings = self.client.mget([self.prefix + key for key in keys])
        return self._part("user_id", strings[:1]), self._part("item_id", strings[1:])

    def _part(self, entity: str, strings: list[bytes | None]) -> np.ndarray:
        dtype = self.dtypes[entity]
        whole = b"".join([(string or b"").ljust(dtype.itemsize, b"\0") for string in strings])
        rows = np.frombuffer(whole, dtype)
        return self.values(entity, [rows[layout.view] for layout, _ in self.views[entity]])
