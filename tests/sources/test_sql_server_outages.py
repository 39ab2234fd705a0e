"""PostgreSQL and MariaDB when things go wrong: locks, deadlocks, lost connections and answers, refused logins."""

import sys
import threading
import time
from datetime import UTC, datetime

import pytest

from syncd.adapters.sources import sql_mariadb, sql_postgresql
from syncd.adapters.sources.sql import open_source
from syncd.errors import (
    AccessError,
    BusyError,
    HaltError,
    StaleError,
    UnknownOutcomeError,
    UnreachableError,
    UsageError,
)
from syncd.ports.endpoint import Done, Failed
from tests.sources.engines import MARIADB, POSTGRESQL, ServerShop
from tests.sources.shop import FixedClock, creation, keys_of, rows_of, spec, update
from tests.sources.wire import Cut, Wire

LIMIT, UPDATE, INSERT, COMMIT = rb"LIMIT", rb"UPDATE \S+ SET", rb"INSERT INTO", rb"COMMIT(\0|$)"


@pytest.fixture
def wired(server):
    """(the shop, the wire, an endpoint whose connections go through the wire)"""
    wire = Wire(server.url)
    source = open_source(wire.url, wire.folder, FixedClock(), busy_timeout=1)
    yield server, wire, source.endpoint(spec(), 10)
    source.close()
    wire.close()


def fill(shop, count):
    for number in range(count):
        shop.add(name=f"n{number}", updated_at="2026-05-01 10:00:00")


def names(shop):
    return [name for (name,) in shop.sql("SELECT name FROM customers ORDER BY id")]


def outcome(results):
    return [type(getattr(result, "error", result)) for _, result in results]


# connections


def test_a_connection_lost_while_reading_is_made_again(wired):
    shop, wire, endpoint = wired
    fill(shop, 25)
    endpoint.schema()
    for where in Cut:
        wire.cut(LIMIT, where)
        assert len(keys_of(endpoint.scan())) == 25
        assert wire.sprung == 1


def test_connections_that_are_always_lost_make_the_source_unreachable(wired):
    shop, wire, endpoint = wired
    fill(shop, 3)
    endpoint.schema()
    wire.cut(LIMIT, Cut.AFTER, times=99)
    with pytest.raises(UnreachableError, match="shop customers cannot be reached"):
        list(endpoint.scan())
    assert wire.sprung == 2


@pytest.mark.parametrize("where", list(Cut))
def test_a_connection_lost_before_commit_leaves_nothing(wired, where):
    shop, wire, endpoint = wired
    fill(shop, 2)
    rows = rows_of(endpoint.scan())
    wire.cut(UPDATE, where)
    with pytest.raises(UnreachableError, match="shop customers cannot be reached"):
        endpoint.apply([update(row, name="syncd") for row in rows])
    assert names(shop) == ["n0", "n1"]
    wire.cut(INSERT, where)
    with pytest.raises(UnreachableError):
        endpoint.create([creation("C-1", name="new")], "op")
    assert endpoint.created([creation("C-1", name="new")], "op") is None
    assert outcome(endpoint.apply([update(row, name="syncd") for row in rows])) == [Done, Done]


@pytest.mark.parametrize(("where", "after"), [(Cut.BEFORE, "n0"), (Cut.AFTER, "syncd")])
def test_an_answer_to_commit_that_is_lost_leaves_the_outcome_unknown(wired, where, after):
    shop, wire, endpoint = wired
    fill(shop, 1)
    rows = rows_of(endpoint.scan())
    wire.cut(COMMIT, where)
    assert outcome(endpoint.apply([update(row, name="syncd") for row in rows])) == [UnknownOutcomeError]
    (row,) = endpoint.fetch(["1"])
    deadline = time.monotonic() + 5
    while row.values[0] != after and time.monotonic() < deadline:
        (row,) = endpoint.fetch(["1"])  # the server may still be at it
    assert row.values[0] == after


@pytest.mark.parametrize(("where", "made"), [(Cut.BEFORE, False), (Cut.AFTER, True)])
@pytest.mark.parametrize("keyed", [True, False])
def test_a_creation_whose_answer_is_lost_is_made_once(wired, where, made, keyed):
    shop, wire, endpoint = wired
    source = open_source(wire.url, wire.folder, FixedClock(), busy_timeout=1)
    endpoint = source.endpoint(spec() if keyed else spec(erpnext_name=None), 10)
    writes = [creation(f"C-{number}" if keyed else None, name=f"n{number}") for number in range(3)]
    endpoint.schema()
    wire.cut(COMMIT, where)
    results = endpoint.create(writes, "op")
    assert [type(result.error) for result in results] == [UnknownOutcomeError] * 3
    found = endpoint.created(writes, "op")
    assert [row.values[0] for row in found or []] == (["n0", "n1", "n2"] if made else [])
    if keyed or not made:
        results = endpoint.create(writes, "op")
        assert all(isinstance(result, Done) for result in results), results
    assert names(shop) == ["n0", "n1", "n2"]
    source.close()


def test_a_creation_that_the_server_is_still_at_is_waited_for(server):
    """Two connections: one of a process that died, at work on the server yet; one of the process after it."""
    writes = [creation("C-1", name="late")]
    early, late = server.endpoint(), server.endpoint()
    late.schema()
    with early._session.transaction() as transaction:
        transaction.take_turn(early._table.facts.table)
        transaction.cursor.execute("INSERT INTO customers (name, erp_ref) VALUES ('late', 'C-1')")
        with pytest.raises(UnknownOutcomeError, match="is still under way"):
            late.created(writes, "op")
        assert [type(result.error) for result in late.create(writes, "op")] == [BusyError]
    assert [row.values[0] for row in late.created(writes, "op")] == ["late"]
    assert isinstance(late.create(writes, "op")[0], Done)
    assert names(server) == ["late"]


def test_the_turn_is_given_back(server):
    for number in range(3):
        for endpoint in (server.endpoint(), server.endpoint()):
            assert endpoint.created([creation("X", name="x")], "op") is None
            (result,) = endpoint.create([creation(None, name=f"n{number}")], "op")
            assert isinstance(result, Done), result
            (result,) = endpoint.create([creation(None, name=None)], "op")
            assert isinstance(result, Failed)


def test_connections_that_the_server_ended_are_replaced(server):
    fill(server, 3)
    endpoint = server.endpoint(page_size=1)
    feed = endpoint.scan()
    next(feed)
    if server.engine == POSTGRESQL:
        server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'syncd'")
    else:
        for (number,) in server.sql(
            "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND db = DATABASE()"
        ):
            server.sql(f"KILL {number}")
    assert len(rows_of(feed)) == 3


# locks


def test_a_locked_row_is_busy_and_stops_no_other(server):
    fill(server, 3)
    endpoint = server.endpoint()
    rows = rows_of(endpoint.scan())
    hand = server.hand()
    hand.sql("BEGIN")
    hand.sql("UPDATE customers SET amount = 1 WHERE id = 2")
    results = endpoint.apply([update(row, name="syncd") for row in rows])
    assert outcome(results) == [Done, BusyError, Done]
    assert "locked by another program" in results[1][1].error.message
    hand.sql("ROLLBACK")
    assert outcome(endpoint.apply([update(rows[1], name="syncd")])) == [Done]


def test_a_reader_locks_nobody_out_and_waits_for_nobody(server):
    fill(server, 25)
    endpoint = server.endpoint()
    hand = server.hand()
    hand.sql("BEGIN")
    hand.sql("UPDATE customers SET amount = 1")
    feed = endpoint.scan()
    next(feed)
    assert [row.values[2] for row in next(feed).rows] == [None] * 10
    hand.sql("COMMIT")
    # The page behind the one that was given is read already.
    assert [row.values[2] for row in rows_of(feed)] == [None] * 10 + [1] * 5
    feed = endpoint.scan()
    next(feed)
    next(feed)
    server.sql("ALTER TABLE customers ADD unrelated int")
    assert len(rows_of(feed)) == 15


def test_a_deadlock_is_never_reported_as_done(open_server):
    shop = open_server(busy_timeout=8)
    fill(shop, 60)
    endpoint = shop.endpoint()
    one, two = rows_of(endpoint.scan())[:2]
    hand = shop.hand()
    hand.sql("BEGIN")
    hand.sql("UPDATE customers SET name = 'person', amount = 1 WHERE id >= 2")  # much: the server lets syncd go first
    results = []
    syncd = threading.Thread(
        target=lambda: results.extend(endpoint.apply([update(one, email="1@syncd"), update(two, email="2@syncd")]))
    )
    syncd.start()
    if shop.engine == POSTGRESQL:
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    else:
        waiting = "SELECT count(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
    deadline = time.monotonic() + 5
    while shop.sql(waiting) == [(0,)] and time.monotonic() < deadline:
        time.sleep(0.12)  # InnoDB refreshes what it tells every tenth of a second, unless it is asked meanwhile
    won = True
    try:
        hand.sql("UPDATE customers SET name = 'person' WHERE id = 1")
        time.sleep(0.05)
        hand.sql("COMMIT")
    except Exception:  # noqa: BLE001 - the server chose the other program
        won = False
        hand.sql("ROLLBACK")
    syncd.join(20)
    emails = shop.sql("SELECT email FROM customers WHERE id <= 2 ORDER BY id")
    assert [isinstance(result, Done) for _, result in results] == [bool(email) for (email,) in emails]
    if won:
        assert set(outcome(results)) <= {Done, BusyError, StaleError}
        assert BusyError in outcome(results) or StaleError in outcome(results)


def test_a_database_whose_default_is_serializable_is_read_and_written(open_postgres):
    shop = open_postgres()
    (database,) = shop.sql("SELECT current_database()")[0]
    shop.sql(f"ALTER DATABASE {database} SET default_transaction_isolation = 'serializable'")
    shop.sql(f"ALTER DATABASE {database} SET datestyle = 'SQL, DMY'")
    shop.sql(f"ALTER DATABASE {database} SET timezone = 'Asia/Tokyo'")
    fill(shop, 3)
    endpoint = ServerShop.endpoint(shop)
    rows = rows_of(endpoint.scan())
    assert rows[0].stamp == datetime(2026, 5, 1, 10, tzinfo=UTC)
    shop.sql("UPDATE customers SET amount = 1 WHERE id = 1")
    assert outcome(endpoint.apply([update(row, name="syncd") for row in rows])) == [StaleError, Done, Done]


def test_a_late_commit_is_found_by_the_overlap(server):
    server.sql("CREATE INDEX by_stamp ON customers (updated_at)")
    server.add(name="first", updated_at="2026-05-01 10:00:00")
    late = server.hand()
    late.sql("BEGIN")
    late.sql("INSERT INTO customers (name, updated_at) VALUES ('late', '2026-05-01 10:00:01')")
    server.add(name="second", updated_at="2026-05-01 10:00:30")
    endpoint = server.endpoint()
    pages = list(endpoint.changes(None, overlap=0))
    assert [row.values[0] for row in rows_of(pages)] == ["first", "second"]
    late.sql("COMMIT")
    again = rows_of(endpoint.changes(pages[-1].cursor, overlap=60))
    assert "late" in [row.values[0] for row in again]


def test_a_statement_that_takes_too_long_is_given_up(open_server, monkeypatch):
    for module in (sql_postgresql, sql_mariadb):
        monkeypatch.setattr(module, "STATEMENT_TIMEOUT", 0.2)
    shop = open_server()
    slow = "pg_sleep(30) IS NULL" if shop.engine == POSTGRESQL else "SLEEP(30)"
    shop.sql(f"CREATE VIEW slow AS SELECT customers.*, {slow} AS waited FROM customers")
    fill(shop, 1)
    endpoint = shop.endpoint(entity="slow", columns=("name", "waited"))
    endpoint.schema()
    with pytest.raises(UnreachableError, match="shop slow took too long to answer"):
        list(endpoint.scan())


# rights, and what is not there


def test_a_right_that_is_missing_is_named(open_server, request):
    shop = open_server()
    fill(shop, 1)
    if shop.engine == POSTGRESQL:
        shop.sql("GRANT SELECT ON customers TO locked")
        url = shop.url.replace("postgres@", "locked:right@")
    else:
        mariadb, database = request.getfixturevalue("mariadb"), shop.sql("SELECT DATABASE()")[0][0]
        mariadb.admin("CREATE OR REPLACE USER locked@localhost IDENTIFIED BY 'right'")
        mariadb.admin(f"GRANT SELECT ON {database}.* TO locked@localhost")
        url = shop.url.replace("root@", "locked:right@")
    source = open_source(url, None, FixedClock())
    endpoint = source.endpoint(spec(), 10)
    (row,) = rows_of(endpoint.scan())
    with pytest.raises(AccessError, match=r"shop customers refuses: .*denied"):
        endpoint.apply([update(row, name="syncd")])
    with pytest.raises(AccessError):
        endpoint.create([creation("C-1", name="new")], "op")
    source.close()
    assert names(shop) == ["n0"]


def test_a_password_that_is_wrong_is_refused_without_being_told(server, request):
    if server.engine == MARIADB:
        request.getfixturevalue("mariadb").admin("CREATE OR REPLACE USER locked@localhost IDENTIFIED BY 'right'")
    url = server.url.replace("postgres@", "locked:s3cret@").replace("root@", "locked:s3cret@")
    source = open_source(url, None, FixedClock())
    with pytest.raises(AccessError, match=r"refuses: .*locked") as refused:
        source.entities()
    assert "s3cret" not in str(refused.value)
    with pytest.raises(AccessError):
        source.endpoint(spec(), 10).schema()
    source.close()


def test_a_database_that_is_not_there_is_named(server):
    (name,) = server.sql("SELECT current_database()" if server.engine == POSTGRESQL else "SELECT DATABASE()")[0]
    source = open_source(server.url.replace(f"/{name}?", "/nowhere?"), None, FixedClock())
    with pytest.raises(UnreachableError, match="there is no such database") as error:
        source.entities()
    assert "`url` of the source" in error.value.hint
    source.close()


@pytest.mark.parametrize("scheme", ["postgresql", "mariadb", "mysql"])
def test_a_server_that_is_not_there_is_unreachable(request, scheme):
    request.getfixturevalue("postgres" if scheme == "postgresql" else "mariadb")
    source = open_source(f"{scheme}://user:s3cret@127.0.0.1:9/shop", None, FixedClock())
    with pytest.raises(UnreachableError) as error:
        list(source.endpoint(spec(), 10).scan())
    assert "shop customers cannot be" in error.value.message
    assert "s3cret" not in str(error.value)
    source.close()


def test_a_read_only_database_is_unreachable_for_writing(open_postgres):
    shop = open_postgres()
    fill(shop, 1)
    (database,) = shop.sql("SELECT current_database()")[0]
    shop.sql(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    endpoint = shop.endpoint()
    (row,) = rows_of(endpoint.scan())
    with pytest.raises(UnreachableError, match="shop customers cannot be used: it is read-only"):
        endpoint.apply([update(row, name="syncd")])


def test_a_table_that_changes_during_the_run_halts(server):
    fill(server, 1)
    endpoint = server.endpoint()
    (row,) = rows_of(endpoint.scan())
    server.sql("ALTER TABLE customers RENAME COLUMN amount TO price")
    for use in (lambda: list(endpoint.scan()), lambda: endpoint.apply([update(row, name="x")])):
        with pytest.raises(HaltError, match="amount") as halt:
            use()
        assert halt.value.guard == "schema"
    server.sql("DROP TABLE customers")
    with pytest.raises(HaltError, match="customers"):
        list(endpoint.scan())


# URLs


@pytest.mark.parametrize(
    "scheme", ["postgresql", "postgresql+psycopg", "postgres", "mariadb", "mariadb+pymysql", "mysql", "mysql+pymysql"]
)
def test_every_way_to_write_the_url(request, scheme):
    postgres = scheme.startswith("postgres")
    shop = request.getfixturevalue("open_postgres" if postgres else "open_mariadb")()
    source = open_source(f"{scheme}://{shop.url.split('://')[1]}", None, FixedClock())
    assert source.entities() == ["customers"]
    endpoint = source.endpoint(spec(), 10)
    (result,) = endpoint.create([creation("C-1", name="a")], "op")
    assert isinstance(result, Done), result
    source.close()


@pytest.mark.parametrize(
    ("url", "module", "extra"),
    [
        ("postgresql://u:s3cret@h/d", "psycopg", "postgresql"),
        ("mysql://u:s3cret@h/d", "pymysql", "mysql"),
        ("mariadb://u:s3cret@h/d", "pymysql", "mysql"),
    ],
)
def test_a_driver_that_is_missing_is_named_with_what_brings_it(monkeypatch, url, module, extra):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError, match=f"is not installed: {module}") as error:
        open_source(url, None, FixedClock())
    assert error.value.hint == f"pip install 'syncd[{extra}]'"
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql+psycopg2://u:s3cret@h/d", "leave the driver out: postgresql://"),
        ("mysql+mysqldb://u:s3cret@h/d", "leave the driver out: mysql://"),
        ("mssql://u:s3cret@h/d", "it begins with sqlite://, postgresql://, mariadb:// or mysql://"),
    ],
)
def test_urls_that_syncd_does_not_speak(url, words):
    with pytest.raises(UsageError) as error:
        open_source(url, None, FixedClock())
    assert words in error.value.hint
    assert "s3cret" not in str(error.value)
