"""The Endpoint contract's backend on a real database server."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

from syncd.core.model import Side
from tests.sources.engines import MARIADB, ServerShop

FIRST = datetime(2026, 5, 1, 10)  # noqa: DTZ001 - what a clock on the wall shows


def a_second_apart(zone=None):
    return (FIRST.replace(tzinfo=zone) + timedelta(seconds=number) for number in itertools.count())


class ServerBackend:
    side = Side.SOURCE
    soft_deletes = True
    compares_values = True
    fields = ("title", "note", "amount")

    def __init__(self, url, *schema, stamps=None, ids=None, entity="customers", **spec):
        self.shop = ServerShop(url, *schema)
        self.stamps = stamps or a_second_apart()
        self.ids = ids
        self.table = entity
        self.endpoint = self.shop.endpoint(columns=self.fields, entity=entity, **spec)
        self.keys = spec.get("source_id", ("id",))

    @property
    def key_text(self):
        """The key as SQL makes it of the id columns."""
        if self.shop.engine == MARIADB:
            return "concat_ws('/', " + ", ".join(self.keys) + ")"
        return " || '/' || ".join(f"CAST({name} AS text)" for name in self.keys)

    def insert(self, title, note=None, amount=None, partner=None):
        values = {"title": title, "note": note, "amount": amount, "erp_ref": partner, "updated_at": next(self.stamps)}
        if self.ids is not None:
            values.update(zip(self.keys, next(self.ids), strict=True))
        marks = ", ".join("?" * len(values))
        return self.shop.sql(
            f"INSERT INTO {self.table} ({', '.join(values)}) VALUES ({marks}) RETURNING {self.key_text}",
            *values.values(),
        )[0][0]

    def edit(self, key, *, keep_stamp=False, **values):
        values["updated_at"] = next(self.stamps) if not keep_stamp else self.stamp(key)
        sets = ", ".join(f"{name} = ?" for name in values)
        self.shop.sql(f"UPDATE {self.table} SET {sets} WHERE {self.key_text} = ?", *values.values(), key)

    def stamp(self, key):
        return self.shop.sql(f"SELECT updated_at FROM {self.table} WHERE {self.key_text} = ?", key)[0][0]

    def delete(self, key):
        self.shop.sql(f"DELETE FROM {self.table} WHERE {self.key_text} = ?", key)

    def tie(self, keys):
        (newest,) = self.shop.sql(f"SELECT max(updated_at) FROM {self.table}")[0]
        self.shop.sql(f"UPDATE {self.table} SET updated_at = ?", newest)

    def titles(self):
        return sorted(title for (title,) in self.shop.sql(f"SELECT title FROM {self.table}"))
