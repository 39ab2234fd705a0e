"""From a URL to a database that syncd speaks."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import URL

from syncd.adapters.sources.sql_dialect import Dialect
from syncd.adapters.sources.sql_sqlite import open_sqlite
from syncd.errors import UsageError

_DRIVERS = {
    "postgresql": ("PostgreSQL", "psycopg", "postgresql"),
    "postgres": ("PostgreSQL", "psycopg", "postgresql"),
    "mysql": ("MySQL", "pymysql", "mysql"),
    "mariadb": ("MariaDB", "pymysql", "mysql"),
}
"""By the URL's first word: the database, the driver that syncd speaks to it through, and the extra that brings it."""


def open_database(url: URL, directory: Path, busy_timeout: float) -> Dialect:
    """The dialect for `url`; relative SQLite paths start at `directory`. Nothing is connected to yet.

    `busy_timeout` is how many seconds a write waits for another program's lock. Raises `UnreachableError` for a SQLite
    file that is not there, and `UsageError` for a URL that names no known database or whose driver is not installed.
    The URL's password never stands in a message.
    """
    backend, _, driver = url.drivername.partition("+")
    if backend == "sqlite":
        return open_sqlite(url, directory, busy_timeout)
    shown = url.render_as_string(hide_password=True)
    if backend not in _DRIVERS:
        raise UsageError(
            f"the URL {shown} names no database that syncd knows",
            hint="it begins with sqlite://, postgresql://, mariadb:// or mysql://",
        )
    database, module, extra = _DRIVERS[backend]
    if driver not in ("", module):
        raise UsageError(
            f"the URL {shown} asks for the driver {driver!r}; syncd speaks to {database} through {module}",
            hint=f"leave the driver out: {backend}://…",
        )
    try:
        return _strict(module, url, busy_timeout)
    except ImportError as error:
        raise UsageError(
            f"the driver for {shown} is not installed: {module} ({error})",
            hint=f"pip install 'syncd[{extra}]'",
        ) from None


def _strict(module: str, url: URL, busy_timeout: float) -> Dialect:
    if module == "psycopg":
        from syncd.adapters.sources.sql_postgresql import PostgresDialect

        return PostgresDialect(url, busy_timeout)
    from syncd.adapters.sources.sql_mariadb import MariadbDialect

    return MariadbDialect(url, busy_timeout)


__all__ = ["open_database"]
