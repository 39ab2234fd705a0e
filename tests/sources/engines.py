"""A shop's database on a real server: a mapping over it, and a hand that edits it past syncd."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from syncd.adapters.sources.sql import SqlEndpoint, SqlSource, open_source
from syncd.ports.endpoint import Done, Failed
from tests.sources.shop import FixedClock, spec

POSTGRESQL, MARIADB = "postgresql", "mariadb"

TABLES = {
    POSTGRESQL: """
        CREATE TABLE customers (
            id serial PRIMARY KEY, name text NOT NULL, email text UNIQUE, amount integer CHECK (amount < 1000000),
            erp_ref text, deleted_at timestamptz, updated_at timestamptz
        )
    """,
    MARIADB: """
        CREATE TABLE customers (
            id int PRIMARY KEY AUTO_INCREMENT, name text NOT NULL, email varchar(100) UNIQUE,
            amount int CHECK (amount < 1000000), erp_ref varchar(140), deleted_at datetime(6), updated_at datetime(6)
        )
    """,
}

PLPGSQL = "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} RETURN NEW; END $$"
ON_ROW = "CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION touch()"


def connect(url: str) -> Any:
    """A connection of another program: every statement commits by itself."""
    parsed = make_url(url)
    if parsed.get_backend_name() == POSTGRESQL:
        import psycopg

        return psycopg.connect(
            host=str(parsed.query["host"]), user=parsed.username, dbname=parsed.database, autocommit=True
        )
    import pymysql

    return pymysql.connect(
        unix_socket=str(parsed.query["unix_socket"]), user=parsed.username, database=parsed.database, autocommit=True
    )


class Hand:
    """Another program's connection."""

    def __init__(self, url: str) -> None:
        self.connection = connect(url)

    def sql(self, text: str, *values: object) -> list[tuple[Any, ...]]:
        """Run one statement; `?` stands for a value."""
        with self.connection.cursor() as cursor:
            if values:
                cursor.execute(text.replace("%", "%%").replace("?", "%s"), values)
            else:
                cursor.execute(text)
            return list(cursor.fetchall()) if cursor.description else []

    def close(self) -> None:
        self.connection.close()


class ServerShop:
    """One database with `sql` as the other program's hand."""

    def __init__(self, url: str, *schema: str, busy_timeout: float = 1.0) -> None:
        self.url = url
        self.engine = POSTGRESQL if url.startswith(POSTGRESQL) else MARIADB
        self.hands: list[Hand] = []
        self.sql = self.hand().sql
        for statement in schema or (TABLES[self.engine],):
            self.sql(statement)
        self.clock = FixedClock()
        self.source: SqlSource = open_source(url, Path(), self.clock, busy_timeout=busy_timeout)

    def hand(self) -> Hand:
        """One more connection of another program."""
        self.hands.append(Hand(self.url))
        return self.hands[-1]

    def endpoint(self, page_size: int = 10, **changes: Any) -> SqlEndpoint:
        return self.source.endpoint(spec(**changes), page_size)

    def add(self, table: str = "customers", **values: object) -> None:
        marks = ", ".join("?" * len(values))
        self.sql(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", *values.values())

    def close(self) -> None:
        self.source.close()
        for hand in self.hands:
            hand.close()


def table(engine, **changes):
    """The table of customers with other columns: `updated_at="timestamptz DEFAULT now()"`."""
    lines = TABLES[engine]
    for column, declared in changes.items():
        start = lines.index(f" {column} ") + 1
        depth, end = 0, start
        while depth >= 0 and not (depth == 0 and lines[end] == ","):
            depth += {"(": 1, ")": -1}.get(lines[end], 0)
            end += 1
        end -= depth < 0
        lines = f"{lines[:start]}{column} {declared}{lines[end:]}"
    return lines


def done(results):
    ((_, result),) = results
    assert isinstance(result, Done), result
    return result.row


def made(results):
    assert all(isinstance(result, Done) for result in results), results
    return [result.row for result in results]


def error_of(results):
    assert all(isinstance(result, Failed) for result in results), results
    return results[0].error


def outcome(results):
    return [type(getattr(result, "error", result)) for _, result in results]
