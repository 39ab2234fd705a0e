"""The contract of state stores on a real PostgreSQL, and what holds there alone."""

from __future__ import annotations

import threading
from datetime import timedelta
from decimal import Decimal

import pytest

from syncd.adapters.store import open_store, open_temporary, opening, postgresql, postgresql_faults
from syncd.core.model import Side
from syncd.errors import ExitCode, LeaseHeldError, StateError
from syncd.ports.state import MappingState, StagedState, StateStore
from tests.store.contract import (
    FakeClock,
    StateStoreContract,
    conflict,
    failure,
    match_digest,
    new_pair,
    operation,
    staged,
)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


class TestPostgresql(StateStoreContract):
    @pytest.fixture
    def store(self, postgres_url, tmp_path, clock):
        opened = open_store(postgres_url, clock=clock, directory=tmp_path)
        yield opened
        opened.close()


@pytest.fixture
def store(postgres_url, tmp_path, clock):
    opened = open_store(postgres_url, clock=clock, directory=tmp_path)
    yield opened
    opened.close()


def test_the_driver_may_be_named_or_not(postgres_url, tmp_path, clock, store):
    lease = store.acquire("customer", wait=0)
    with store.transaction(lease) as tx:
        tx.add_pairs([new_pair("A", "1")], 0)
    named = postgres_url.replace("postgresql://", "postgresql+psycopg://")
    other = open_store(named, clock=clock, directory=tmp_path)
    assert other.totals("customer").pairs == 1
    other.close()


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("postgresql://syncd:s3cret@db:5432/state", "postgresql://syncd@db:5432/state"),
        ("postgresql+psycopg://syncd@db/state?password=s3cret&sslmode=require", "postgresql://syncd@db/state"),
        ("postgresql://syncd:s3cret@/state?host=%2Frun%2Fpg", "postgresql://syncd@/state?host=%2Frun%2Fpg"),
    ],
    ids=["a password", "a password among the options", "a socket"],
)
def test_texts_call_the_store_by_its_url_without_secrets(tmp_path, url, name):
    database = opening.database_at(url, tmp_path)
    assert database.name == name
    assert "s3cret" not in database.name


def test_sessions_are_set_as_the_store_needs_them(store):
    with store._database.writing() as connection:
        shown = {
            name: connection.exec_driver_sql(f"SHOW {name}").scalar()
            for name in ("synchronous_commit", "lock_timeout", "idle_in_transaction_session_timeout")
        }
        assert connection.exec_driver_sql("SHOW transaction_isolation").scalar() == "read committed"
    with store._database.reading() as connection:
        assert connection.exec_driver_sql("SHOW transaction_isolation").scalar() == "repeatable read"
        assert connection.exec_driver_sql("SHOW transaction_read_only").scalar() == "on"
    assert shown == {
        "synchronous_commit": "on",
        "lock_timeout": "90s",
        "idle_in_transaction_session_timeout": "1min",
    }, "the server of the tests has synchronous_commit = off"


def test_of_many_who_want_a_mapping_at_once_one_has_it(postgres_url, tmp_path, clock, store):
    start = threading.Barrier(6)
    held: list[object] = []
    refused: list[LeaseHeldError] = []

    stores = [open_store(postgres_url, clock=clock, directory=tmp_path) for _ in range(6)]

    def want(own: StateStore) -> None:
        start.wait()
        try:
            held.append(own.acquire("customer", wait=0))
        except LeaseHeldError as error:
            refused.append(error)

    threads = [threading.Thread(target=want, args=(own,)) for own in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(held), len(refused)) == (1, 5)
    held[0].beat()
    for own in stores:
        own.close()


def test_many_who_make_the_store_at_once_share_one(postgres_url, tmp_path, clock):
    start = threading.Barrier(4)
    errors: list[StateError] = []

    def make(number: int) -> None:
        try:
            start.wait()
            own = open_store(postgres_url, clock=clock, directory=tmp_path)
            lease = own.acquire(f"m{number}", wait=0)
            with own.transaction(lease) as tx:
                tx.add_pairs([new_pair("A", "1")], 0)
            own.close()
        except StateError as error:
            errors.append(error)

    threads = [threading.Thread(target=make, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    store = open_store(postgres_url, clock=clock, directory=tmp_path)
    assert [store.totals(f"m{number}").pairs for number in range(4)] == [1] * 4
    store.close()


def test_one_that_stands_still_within_a_transaction_is_thrown_out_and_wrote_nothing(
    postgres_url, tmp_path, clock, store, monkeypatch
):
    monkeypatch.setattr(postgresql, "_IDLE", 0.2)
    suspended = open_store(postgres_url, clock=clock, directory=tmp_path)
    lease = suspended.acquire("customer", wait=0)
    with (  # noqa: PT012 - what comes after the wait is refused, whatever it is
        pytest.raises(StateError, match=r"stood still for too long|connection to the server was lost") as refusal,
        suspended.transaction(lease) as tx,
    ):
        tx.add_pairs([new_pair("late", "1")], 0)
        clock.time += timedelta(seconds=61)
        # Waits until the server has ended the other's transaction, and no longer.
        follower = store.acquire("customer", wait=0)
        tx.add_pairs([new_pair("later", "2")], 0)
    assert "run again" in refusal.value.hint
    assert store.totals("customer").pairs == 0
    with store.transaction(follower) as tx:
        tx.add_pairs([new_pair("in time", "1")], 0)
    with pytest.raises(LeaseHeldError):
        lease.beat()
    suspended.close()


def test_who_waits_too_long_for_another_is_told(postgres_url, tmp_path, clock, store):
    impatient = open_store(postgres_url, clock=clock, directory=tmp_path, busy_seconds=0.1)
    lease = store.acquire("customer", wait=0)
    with (
        store.transaction(lease),
        pytest.raises(StateError, match="another process keeps it locked") as refusal,
    ):
        impatient.acquire("item", wait=0)
    assert "suspended" in refusal.value.hint
    assert refusal.value.exit_code is ExitCode.USAGE
    impatient.acquire("item", wait=0).release()
    impatient.close()


def test_a_server_that_was_restarted_between_two_passes_costs_nothing(postgres, store):
    store.acquire("customer", wait=0).release()
    ended = postgres.admin(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'syncd public'"
    )
    assert ended
    store.acquire("customer", wait=0).release()


def test_a_plan_sees_everything_that_is_stored(postgres_url, tmp_path, clock, store):
    lease = store.acquire("customer", wait=0)
    store.acquire("item", wait=0).release()
    with store.transaction(lease) as tx:
        tx.set_state(MappingState(mapping="customer", layout=1, erpnext_fields=("a", "b"), source_fields=("c", "d")))
        tx.add_pairs([new_pair(f"A{number}", str(number)) for number in range(6000)], 1)
        tx.add_pairs([new_pair("D", "d", source_stamp=Decimal("1.50"), source_image=None)], 1)
        tx.stage([staged(Side.ERPNEXT, "X", match=(match_digest("x"), None)), staged(Side.SOURCE, "y", deleted=True)])
        tx.journal([operation("k")])
        tx.hold([conflict("1", "A1")])
        tx.fail([failure("2", "A2")])
    plan = open_temporary(postgres_url, clock=clock, directory=tmp_path)
    assert plan.totals("customer") == store.totals("customer")
    assert plan.pairs("customer", after=0, limit=9999) == store.pairs("customer", after=0, limit=9999)
    for side in Side:
        states = list(StagedState)
        found = plan.unpaired("customer", side, after=0, limit=9, states=states)
        assert found == store.unpaired("customer", side, after=0, limit=9, states=states)
    assert plan.open_operations("customer") == store.open_operations("customer")
    assert plan.conflicts() == store.conflicts()
    assert plan.failures() == store.failures()
    assert plan.layouts("customer") == store.layouts("customer")
    own = plan.acquire("customer", wait=0)
    with plan.transaction(own) as tx:
        tx.stage([staged(Side.SOURCE, "z")])
    plan.close()
    assert store.totals("customer").staged == 2
    lease.beat()
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_cannot_hold_every_text_is_refused(postgres, tmp_path, clock):
    postgres.admin("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    try:
        with pytest.raises(StateError, match="encoding is LATIN1") as refusal:
            open_store(postgres.url("latin"), clock=clock, directory=tmp_path)
        assert "--encoding=UTF8" in refusal.value.hint
    finally:
        postgres.admin("DROP DATABASE latin WITH (FORCE)")


def test_without_the_driver_it_says_how_to_get_it(tmp_path, clock, monkeypatch):
    def missing(*_arguments: object) -> None:
        raise ModuleNotFoundError("No module named 'psycopg'", name="psycopg")

    monkeypatch.setattr(postgresql, "_connect_engine", missing)
    with pytest.raises(StateError, match="driver for PostgreSQL is not installed") as refusal:
        open_store("postgresql://u:s3cret@h/d", clock=clock, directory=tmp_path)
    assert 'pip install "syncd[postgresql]"' in refusal.value.hint
    assert "s3cret" not in refusal.value.message


class OperationalError(Exception):
    """Stands for the driver's, which carries a SQLSTATE where the server gave one."""

    def __init__(self, words: str, sqlstate: str | None = None) -> None:
        super().__init__(words)
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("state", "words", "lost", "cause"),
    [
        ("53100", "could not extend file", False, "the server's disk is full"),
        ("53300", "too many connections", False, "no connection left"),
        ("57P01", "terminating connection", True, "the connection to the server was lost"),
        ("57P03", "the database system is starting up", False, "starting or stopping"),
        ("25006", "cannot execute INSERT in a read-only transaction", False, "may only be read"),
        ("XX001", "invalid page in block 7", False, "the database is damaged"),
        ("40P01", "deadlock detected", False, "another process wrote the same rows"),
        ("28P01", "password authentication failed", False, "refuses syncd"),
        (None, "connection failed: FATAL: the database system is shutting down", False, "starting or stopping"),
        (None, "connection failed: could not translate host name", False, "cannot be reached"),
        (None, "connection timeout expired", False, "cannot be reached"),
        (None, "server closed the connection unexpectedly", True, "the connection to the server was lost"),
        (None, "consuming input failed: SSL SYSCALL error", False, "the connection to the server was lost"),
        ("23505", "duplicate key", False, None),
        ("42601", "syntax error", False, None),
    ],
)
def test_what_the_server_says_has_a_cause_and_a_next_step(state, words, lost, cause):
    found = postgresql_faults.cause_of(OperationalError(words, state), lost=lost)
    if cause is None:
        assert found is None, "a defect, to be seen as one"
    else:
        assert cause in found[0]
        assert len(found[1]) > len("run again") - 1
