"""The Endpoint contract on SQLite through the SQL source."""

import itertools

import pytest

from syncd.core.mapping import Touch
from syncd.core.model import Side
from tests.contract.endpoint_contract import EndpointContract
from tests.sources.shop import Shop

TABLE = """
    CREATE TABLE customers (
        {id}, title TEXT NOT NULL, note TEXT, amount INTEGER, erp_ref TEXT, deleted_at TEXT, updated_at {stamp}
    ) {options};
"""


def stamps_as_text():
    return (f"2026-05-01 10:{number // 60:02}:{number % 60:02}" for number in itertools.count())


def stamps_in_milliseconds():
    return itertools.count(1_780_000_000_000, 1000)


class SqliteBackend:
    side = Side.SOURCE
    soft_deletes = True
    compares_values = True
    fields = ("title", "note", "amount")

    def __init__(self, folder, schema, *, stamps=None, ids=None, **spec):
        self.shop = Shop(folder, schema)
        self.stamps = stamps or stamps_as_text()
        self.ids = ids
        self.endpoint = self.shop.endpoint(columns=self.fields, **spec)
        self.key_column = spec.get("source_id", ("id",))[0]

    def insert(self, title, note=None, amount=None, partner=None):
        values = {"title": title, "note": note, "amount": amount, "erp_ref": partner, "updated_at": next(self.stamps)}
        if self.ids is not None:
            values[self.key_column] = next(self.ids)
        marks = ", ".join("?" * len(values))
        row = self.shop.sql(
            f"INSERT INTO customers ({', '.join(values)}) VALUES ({marks}) RETURNING {self.key_column}",
            *values.values(),
        )
        return str(row[0][0])

    def edit(self, key, *, keep_stamp=False, **values):
        if not keep_stamp:
            values["updated_at"] = next(self.stamps)
        sets = ", ".join(f"{name} = ?" for name in values)
        self.shop.sql(f"UPDATE customers SET {sets} WHERE {self.key_column} = ?", *values.values(), key)

    def delete(self, key):
        self.shop.sql(f"DELETE FROM customers WHERE {self.key_column} = ?", key)

    def tie(self, keys):
        self.shop.sql("UPDATE customers SET updated_at = (SELECT max(updated_at) FROM customers)")

    def titles(self):
        return [title for (title,) in self.shop.sql("SELECT title FROM customers ORDER BY title")]


def table(*, key="id INTEGER PRIMARY KEY", stamp="TEXT", options="", more=""):
    return TABLE.format(id=key, stamp=stamp, options=options) + more


@pytest.fixture
def make(tmp_path):
    made = []

    def build(schema, **options):
        backend = SqliteBackend(tmp_path, schema, **options)
        made.append(backend)
        return backend

    yield build
    for backend in made:
        backend.shop.close()


INDEX = "CREATE INDEX by_stamp ON customers (updated_at);"


class TestPlainTable(EndpointContract):
    @pytest.fixture
    def backend(self, make):
        return make(table())


class TestIndexedStamps(EndpointContract):
    @pytest.fixture
    def backend(self, make):
        return make(table(more=INDEX))


class TestStampsInMilliseconds(EndpointContract):
    @pytest.fixture
    def backend(self, make):
        return make(table(stamp="INTEGER", more=INDEX), stamps=stamps_in_milliseconds())


class TestWithoutRowids(EndpointContract):
    @pytest.fixture
    def backend(self, make):
        text_id = "id TEXT PRIMARY KEY DEFAULT (lower(hex(randomblob(8))))"
        return make(table(key=text_id, options="WITHOUT ROWID", more=INDEX))


class TestWithoutModified(EndpointContract):
    @pytest.fixture
    def backend(self, make):
        return make(table(), modified=None)


class TestNullStamps(EndpointContract):
    """Stamps that are NULL are found by every pass: the contract holds, only not incrementally."""

    @pytest.fixture
    def backend(self, make):
        return make(table(more=INDEX), stamps=itertools.repeat(None), touch=Touch.NEVER)

    def test_changes_since_the_cursor_are_those_edited_after_it(self, backend):
        key = backend.insert("a")
        cursor = list(backend.endpoint.changes(None, overlap=0))[-1].cursor
        backend.edit(key, note="new")
        (row,) = [row for page in backend.endpoint.changes(cursor, overlap=0) for row in page.rows]
        assert row.values == ("a", "new", None)
