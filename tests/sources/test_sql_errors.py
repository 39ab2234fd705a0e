"""Errors that no test brings a real server to, by the codes that the servers document."""

import pytest

from syncd.adapters.sources.sql_errors import commit_error, read_error, refused, write_error
from syncd.errors import AccessError, BusyError, HaltError, RefusedError, UnknownOutcomeError, UnreachableError


class OperationalError(Exception):
    """As PyMySQL and psycopg call what goes wrong on the way."""


class Postgres(Exception):  # noqa: N818 - stands for every class of psycopg
    diag = None

    def __init__(self, sqlstate, words):
        super().__init__(words)
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("case", "error", "kind", "words"),
    [
        ("disk full", Postgres("53100", "could not extend file"), UnreachableError, "its disk is full"),
        ("too many connections", Postgres("53300", "sorry"), UnreachableError, "takes no more connections"),
        ("shutting down", Postgres("57P01", "terminating connection"), UnreachableError, "cannot be reached"),
        ("starting up", Postgres("57P03", "the database system is starting up"), UnreachableError, "starting up"),
        ("stood still", Postgres("25P03", "idle-in-transaction timeout"), UnreachableError, "cannot be reached"),
        ("damaged", Postgres("XX001", "invalid page in block 7"), UnreachableError, "invalid page in block 7"),
        ("on the way", Postgres("08006", "connection failure"), UnreachableError, "cannot be reached"),
        ("a right", Postgres("42501", "permission denied for table t"), AccessError, "permission denied"),
        ("a password", OperationalError('connection failed: FATAL:  password authentication failed for user "u"'),
         AccessError, "password authentication failed"),
        ("an address", OperationalError("FATAL:  no pg_hba.conf entry for host"), AccessError, "no pg_hba.conf"),
        ("serialisation", Postgres("40001", "could not serialize access"), BusyError, "nothing was written"),
        ("cancelled", Postgres("57014", "canceling statement due to statement timeout"), BusyError, "took too long"),
        ("no column", Postgres("42703", 'column "x" does not exist'), HaltError, 'column "x" does not exist'),
        ("disk full", OperationalError(1021, "Disk full"), UnreachableError, "its disk is full"),
        ("table full", OperationalError(1114, "The table 't' is full"), UnreachableError, "tablespace is full"),
        ("too many connections", OperationalError(1040, "Too many connections"), UnreachableError, "no more"),
        ("read-only", OperationalError(1290, "The server is running with --read-only"), UnreachableError, "read-only"),
        ("gone away", OperationalError(2006, "MySQL server has gone away"), UnreachableError, "cannot be reached"),
        ("killed", OperationalError(1927, "Connection was killed"), UnreachableError, "cannot be reached"),
        ("closed before", OperationalError(0, ""), UnreachableError, "cannot be reached"),
        ("a right", OperationalError(1142, "UPDATE command denied to user"), AccessError, "denied"),
        ("deadlock", OperationalError(1213, "Deadlock found"), BusyError, "nothing was written"),
        ("waited", OperationalError(1205, "Lock wait timeout exceeded"), BusyError, "nothing was written"),
        ("too slow", OperationalError(1969, "Query execution was interrupted"), BusyError, "took too long"),
        ("no column", OperationalError(1054, "Unknown column 'x' in 'SET'"), HaltError, "Unknown column 'x'"),
        ("signalled", OperationalError(1644, "no such name"), RefusedError, "no such name"),
        ("whatever else", OperationalError(9999, "something new"), RefusedError, "something new"),
    ],
)  # fmt: skip
def test_what_an_error_of_a_write_means(case, error, kind, words):
    meaning = write_error(error, "shop customers")
    assert type(meaning) is kind
    assert "shop customers" in meaning.message
    assert words in meaning.message
    assert meaning.hint
    assert not isinstance(read_error(error, "shop customers"), BusyError | RefusedError)


@pytest.mark.parametrize(
    ("case", "error", "kind"),
    [
        ("PostgreSQL says why: it rolled back", Postgres("23503", "violates foreign key"), RefusedError),
        ("PostgreSQL says why: a trigger", Postgres("P0001", "not allowed"), RefusedError),
        ("PostgreSQL ended in the middle", Postgres("57P01", "terminating connection"), UnknownOutcomeError),
        ("a deadlock", OperationalError(1213, "Deadlock found"), BusyError),
        ("no answer", OperationalError(2013, "Lost connection to server during query"), UnknownOutcomeError),
        ("no answer", OperationalError("server closed the connection unexpectedly"), UnknownOutcomeError),
        ("MariaDB does not say enough", OperationalError(1180, "Got error 5 during COMMIT"), UnknownOutcomeError),
    ],
)  # fmt: skip
def test_what_an_error_of_commit_means(case, error, kind):
    assert type(commit_error(error, "shop customers")) is kind


def test_the_databases_own_words_stand_behind_the_plain_ones():
    error = refused(OperationalError(1062, "Duplicate entry 'x@y' for key 'email'"), "shop customers")
    assert error.message == (
        "shop customers refuses the row: another row already has this value in email "
        "(Duplicate entry 'x@y' for key 'email')"
    )
    assert error.code == "1062"
