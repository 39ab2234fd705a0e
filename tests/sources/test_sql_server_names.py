"""Ids, collations, names and schemas in PostgreSQL and MariaDB."""

import pytest

from syncd.errors import GoneError, HaltError, RefusedError, StaleError
from syncd.ports.endpoint import Done
from tests.sources.engines import MARIADB, POSTGRESQL, TABLES, done, error_of, made, outcome
from tests.sources.shop import creation, keys_of, problems_of, rows_of, update


def test_a_collation_hides_neither_edits_nor_rows(open_mariadb):
    shop = open_mariadb()
    shop.add(name="Müller", erp_ref="CUST-1", email="a@x")
    endpoint = shop.endpoint()
    for edited in ("MÜLLER", "Muller", "Müller "):
        (row,) = rows_of(endpoint.scan())
        shop.sql("UPDATE customers SET name = ?", edited)
        assert outcome(endpoint.apply([update(row, amount=1)])) == [StaleError]
    assert endpoint.find(["cust-1"]) == []
    assert [row.key for row in endpoint.find(["CUST-1"])] == ["1"]
    assert [row.key for row in made(endpoint.create([creation("cust-1", name="new")], "op"))] == ["2"]
    assert endpoint.created([creation("Cust-1", name="new")], "op") is None


@pytest.mark.parametrize(("filters", "names"), [({"email": "a@x"}, ["a"]), ({"email": ["a@x", None]}, ["a", "c"])])
def test_filters_compare_exactly(open_server, filters, names):
    shop = open_server()
    if shop.engine == MARIADB:
        shop.sql("ALTER TABLE customers DROP INDEX email")
    for name, email in (("a", "a@x"), ("b", "A@x"), ("c", None)):
        shop.add(name=name, email=email)
    endpoint = shop.endpoint(source_filters=filters)
    assert [row.values[0] for row in rows_of(endpoint.scan())] == names
    assert sorted(row.values[0] for row in rows_of(endpoint.changes(None, overlap=0))) == names


def test_filters_take_the_columns_own_type(open_server):
    shop = open_server()
    shop.sql("ALTER TABLE customers ADD active boolean")
    shop.add(name="yes", active=True, amount=7)
    shop.add(name="no", active=False, amount=8)
    for filters in ({"active": True}, {"active": 1}, {"amount": 7}, {"amount": [7, 9]}):
        assert [row.values[0] for row in rows_of(shop.endpoint(source_filters=filters).scan())] == ["yes"]


@pytest.mark.parametrize("index", [False, True])
def test_ids_that_differ_by_case_are_told_not_skipped(open_server, index):
    shop = open_server()
    exact, stamp = ("COLLATE utf8mb4_bin", "datetime") if shop.engine == MARIADB else ("", "timestamptz")
    shop.sql(f"CREATE TABLE things (id varchar(200) {exact} NOT NULL, name varchar(9), updated_at {stamp})")
    if index:
        shop.sql("CREATE UNIQUE INDEX ids ON things (id)")
        shop.sql("CREATE INDEX stamps ON things (updated_at)")
    for name in ("good", "Anna", "ANNA", "ärger", "ÄRGER", " pad", "x" * 141):
        shop.add("things", id=name, name="n", updated_at="2026-05-01")
    mapping = {"entity": "things", "columns": ("name",), "erpnext_name": None, "deleted": None}
    endpoint = shop.endpoint(page_size=2, **mapping)
    pages = list(endpoint.scan())
    for read in (pages, list(endpoint.changes(None, overlap=0)), list(endpoint.changes(pages[-1].cursor, overlap=0))):
        assert sorted(keys_of(read)) == ["%20pad", "good"]
        assert set(problems_of(read)) == {"Anna", "ANNA", "ärger", "ÄRGER", "x" * 141}


def test_ids_that_a_collation_takes_for_one_are_all_read(open_mariadb):
    shop = open_mariadb("CREATE TABLE things (id varchar(20) NOT NULL, name varchar(9), updated_at datetime)")
    ids = ["a", "ä", "á", "à", "â", "ã", "å", "b", "c"]
    for name in ids:
        shop.add("things", id=name, name="n", updated_at="2026-05-01")
    endpoint = shop.endpoint(page_size=2, entity="things", columns=("name",), erpnext_name=None, deleted=None)
    assert sorted(keys_of(endpoint.scan())) == sorted(ids)
    assert sorted(keys_of(endpoint.changes(None, overlap=0))) == sorted(ids)
    (row,) = endpoint.fetch(["ä"])
    assert outcome(endpoint.apply([update(row, name="new")])) == [Done]
    assert shop.sql("SELECT id FROM things WHERE name = 'new'") == [("ä",)]


@pytest.mark.parametrize(
    ("declared", "there", "absent"),
    [
        ("integer", "7", ["07", "7.0", "seven", "99999999999999999999", "a%00b"]),
        ("uuid", "0a0b0c0d-0000-0000-0000-00000000000f", ["0A0B0C0D-0000-0000-0000-00000000000F", "x", "a%00b"]),
        ("date", "2026-05-01", ["2026-5-1", "x", "2026-05-02"]),
        ("decimal(10,2)", "7.50", ["7.5", "x"]),
        ("varchar(20)", "a%00b", ["x", "%FF"]),
    ],
)
def test_keys_of_every_type_are_asked_for_without_an_error(open_server, declared, there, absent):
    shop = open_server()
    value = there.replace("%00", "\0" if shop.engine == MARIADB else "%00")
    shop.sql(f"CREATE TABLE things (id {declared} PRIMARY KEY, name varchar(9))")
    shop.add("things", id=value, name="n")
    endpoint = shop.endpoint(entity="things", columns=("name",), modified=None, erpnext_name=None, deleted=None)
    (row,) = rows_of(endpoint.scan())
    assert endpoint.fetch([row.key, *absent]) == [row]
    assert outcome(endpoint.apply([update(row._replace(key=key), name="x") for key in absent])) == [GoneError] * len(
        absent
    )
    assert outcome(endpoint.apply([update(row, name="x")])) == [Done]


def test_a_composite_id_of_several_types(open_postgres):
    shop = open_postgres(
        "CREATE TABLE things (day date, paid boolean, no bigint, name text, PRIMARY KEY (day, paid, no))"
    )
    for number in range(9):
        shop.add("things", day="2026-05-01", paid=number % 2 == 0, no=number, name="n")
    mapping = {"entity": "things", "source_id": ("day", "paid", "no"), "columns": ("name",)}
    endpoint = shop.endpoint(page_size=2, modified=None, erpnext_name=None, deleted=None, **mapping)
    keys = keys_of(endpoint.scan())
    assert sorted(keys) == sorted(f"2026-05-01/{int(number % 2 == 0)}/{number}" for number in range(9))
    assert keys_of([type("Page", (), {"rows": endpoint.fetch(keys)})]) == keys
    assert endpoint.fetch(["2026-05-01/7/3", "2026-05-01/0/x"]) == []


def test_the_number_that_a_table_gives_cannot_be_told_for_other_ids_without_returning(open_mariadb):
    shop = open_mariadb("CREATE TABLE things (id uuid PRIMARY KEY DEFAULT uuid(), name varchar(9))")
    mapping = {"entity": "things", "columns": ("name",), "modified": None, "erpnext_name": None, "deleted": None}
    endpoint = shop.endpoint(**mapping)
    assert len(made(endpoint.create([creation(name="a")], "op"))[0].key) == 36
    shop.source._dialect.returning = False
    error = error_of(shop.endpoint(**mapping).create([creation(name="a")], "op"))
    assert "does not tell which value it gave to 'id'" in error.message
    assert shop.sql("SELECT count(*) FROM things") == [(1,)]


ODD = [
    "spaced out",
    'quote " inside',
    "apo'strophe",
    "back`tick",
    "select",
    "ünïcode",
    "semi;colon",
    "100%",
    "%s",
    "%(p0)s",
    ":name",
    "a.b",
    "[x]",
    "p0",
    "Upper",
    "back\\slash",
]


def test_odd_identifiers_are_quoted(open_server):
    shop = open_server()
    mark = "`" if shop.engine == MARIADB else '"'

    def quoted(name):
        return mark + name.replace(mark, mark * 2) + mark

    table = 'order "by" `Group`'
    columns = ", ".join(f"{quoted(name)} varchar(30)" for name in ODD)
    shop.sql(f"CREATE TABLE {quoted(table)} ({quoted('From')} int PRIMARY KEY, {columns})")
    mapping = {"entity": table, "columns": ODD, "source_id": ("From",), "modified": None, "erpnext_name": None}
    endpoint = shop.endpoint(deleted=None, **mapping)
    (row,) = made(endpoint.create([creation(**{"From": 7, **{name: name for name in ODD}})], "op"))
    assert (row.key, row.values) == ("7", tuple(ODD))
    assert done(endpoint.apply([update(row, **{name: name.upper() for name in ODD})])).values == tuple(
        n.upper() for n in ODD
    )
    assert [found.key for found in endpoint.fetch(["7"])] == ["7"]


def test_a_table_in_another_schema_is_named_with_a_dot(open_server, request):
    shop = open_server()
    other = "sales" if shop.engine == POSTGRESQL else f"{shop.sql('SELECT DATABASE()')[0][0]}_sales"
    if shop.engine == POSTGRESQL:
        shop.sql(f"CREATE SCHEMA {other}")
    else:
        shop.sql(f"CREATE DATABASE {other}")
        request.addfinalizer(lambda: request.getfixturevalue("mariadb").admin(f"DROP DATABASE IF EXISTS {other}"))
    shop.sql(TABLES[shop.engine].replace("TABLE customers", f"TABLE {other}.clients"))
    endpoint = shop.endpoint(entity=f"{other}.clients")
    (row,) = made(endpoint.create([creation("C-1", name="a")], "op"))
    assert endpoint.created([creation("C-1", name="a")], "op") == [row]
    assert done(endpoint.apply([update(row, name="b")])).stamp >= row.stamp
    assert endpoint.schema().fields["email"].unique
    if shop.engine == POSTGRESQL:
        assert shop.source.entities() == ["customers", "sales.clients"]
        with pytest.raises(HaltError, match=r"no table 'sales.client'") as halt:
            shop.endpoint(entity="sales.client").schema()
        assert "did you mean 'sales.clients'" in str(halt.value)
    else:
        assert shop.source.entities() == ["customers"]


def test_views_are_read_and_not_written(open_server):
    shop = open_server()
    shop.sql("CREATE VIEW active AS SELECT * FROM customers WHERE deleted_at IS NULL")
    views = ["active"]
    shop.add(name="a")
    if shop.engine == POSTGRESQL:
        shop.sql("CREATE MATERIALIZED VIEW counted AS SELECT * FROM customers")
        views.append("counted")
    assert sorted(shop.source.entities()) == sorted(["customers", *views])
    for view in views:
        endpoint = shop.endpoint(entity=view)
        (row,) = rows_of(endpoint.scan())
        assert not any(field.writable for field in endpoint.schema().fields.values())
        assert "it is a view" in error_of(endpoint.create([creation("C-1", name="a")], "op")).message
        assert outcome(endpoint.apply([update(row, name="b")])) == [RefusedError]
    assert shop.sql("SELECT name FROM customers") == [("a",)]


def test_schema_tells_what_the_table_is(open_server):
    shop = open_server()
    shop.sql("ALTER TABLE customers ADD kind varchar(9) NOT NULL DEFAULT 'x', ADD plain varchar(9) DEFAULT NULL")
    shop.sql("CREATE INDEX by_stamp ON customers (updated_at)")
    fields = shop.endpoint(timezone="Europe/Berlin").schema().fields
    assert list(fields) == ["id", "name", "email", "amount", "erp_ref", "deleted_at", "updated_at", "kind", "plain"]
    assert [name for name, field in fields.items() if field.required] == ["name"]
    assert [name for name, field in fields.items() if field.has_default] == ["id", "kind"]
    assert [name for name, field in fields.items() if field.unique] == ["id", "email"]
    assert {name for name, field in fields.items() if field.indexed} == {"id", "email", "updated_at"}
    zone = fields["updated_at"].type.zone
    assert zone is None if shop.engine == POSTGRESQL else zone.key == "Europe/Berlin"


def test_an_index_that_holds_only_some_rows_does_not_keep_ids_apart(open_postgres):
    shop = open_postgres(
        "CREATE TABLE customers (id int NOT NULL, name text, deleted_at timestamptz)",
        "CREATE UNIQUE INDEX alive ON customers (id) WHERE deleted_at IS NULL",
    )
    for deleted in (None, "2026-05-01"):
        shop.add(id=1, name="a", deleted_at=deleted)
    endpoint = shop.endpoint(columns=("name",), modified=None, erpnext_name=None)
    assert "2 rows have this id" in problems_of(endpoint.scan())["1"]
    assert not endpoint.schema().fields["id"].unique
