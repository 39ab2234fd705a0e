"""The whole program with its state in PostgreSQL."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from tests.servers import PostgresServer
from tests.system.harness import LONGEST, NAME, World, customers, until

SQLITE = 'url = "sqlite:///state/syncd.db"'


@pytest.fixture
def pg(erp: World, postgres_url: str) -> World:
    """A deployment whose state is in an empty PostgreSQL database."""
    erp.deployment.replace(erp.deployment.settings, SQLITE, 'url = "${env:STATE_URL}"')
    erp.deployment.environment["STATE_URL"] = postgres_url
    return erp


def ask(url: str, *texts: str) -> list[tuple[object, ...]]:
    """Run SQL past the program; what the last text answers."""
    import psycopg

    with psycopg.connect(url) as connection:
        for text in texts:
            cursor = connection.execute(text)  # type: ignore[call-overload]
        return cursor.fetchall() if cursor.description else []


def test_records_flow_both_ways_and_every_reading_command_works(pg: World) -> None:
    pg.shop.add(customers(150))
    pg.site.add(customer_name="Made at the site", customer_group="Commercial", territory="All Territories")
    planned = json.loads(pg.deployment.run("plan", "--json").stdout)
    assert len(planned["operations"]) >= 151, "a plan works before there is a store"
    first = pg.deployment.reconcile()
    assert first["created"] == {"erpnext": 150, "source": 1}
    pg.agree()
    pg.quiet()
    pg.shop.edit(range(1, 41), url="https://shop.example")
    pg.site.edit(pg.shop.rows()[0]["erp_ref"], website="https://site.example")
    planned = json.loads(pg.deployment.run("plan", "--json").stdout)
    assert len(planned["operations"]) == 39, "a plan is made on a copy of what PostgreSQL holds"
    second = pg.deployment.reconcile(code=3)
    assert (second["updated"], second["conflicts"]) == ({"erpnext": 39, "source": 0}, 1)
    (conflict,) = json.loads(pg.deployment.run("conflicts", "--json").stdout)["conflicts"]
    assert pg.deployment.run("conflicts", "resolve", str(conflict["id"]), "--take", "source").returncode == 0
    assert pg.deployment.reconcile()["updated"] == {"erpnext": 1, "source": 0}
    (status,) = json.loads(pg.deployment.run("status", "--json").stdout)["mappings"]
    assert (status["pairs"], status["held"]) == (151, 0)
    assert len(json.loads(pg.deployment.run("report", "list", "--json").stdout)["runs"]) == 4
    pg.agree()
    pg.quiet("--full")
    assert list(pg.deployment.state.parent.glob("*.db*")) == [], "no file of SQLite is made"


def test_a_killed_run_is_followed_at_once_and_a_daemon_and_a_run_never_meet(pg: World) -> None:
    pg.shop.add(customers(200))
    pg.site.fault("delay", path_contains="insert_many", seconds=0.5, times=2)
    with pg.deployment.started("reconcile") as process:
        until(lambda: len(pg.site.customers()) >= 50, what="a creating call")
        held = pg.deployment.run("reconcile", "--wait", "0s")
        assert held.returncode == 6, held.stdout + held.stderr
        process.kill()
        process.wait(timeout=LONGEST)
    pg.deployment.reconcile("--wait", "0s")
    pg.agree()
    pg.quiet("--full")


def test_two_first_runs_at_once_make_one_store(pg: World) -> None:
    pg.shop.add(customers(30))
    codes: list[int] = []
    runs = [threading.Thread(target=lambda: codes.append(pg.deployment.run("reconcile").returncode)) for _ in range(3)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert codes == [0, 0, 0]
    pg.agree()
    pg.quiet()


def test_the_state_commands(pg: World, postgres: PostgresServer, postgres_url: str, tmp_path: Path) -> None:
    missing = pg.deployment.run("state", "verify")
    assert missing.returncode == 2
    assert "there is no state store" in missing.stderr
    pg.shop.add(customers(60))
    pg.deployment.reconcile()
    assert json.loads(pg.deployment.run("state", "verify", "--json").stdout)["whole"]
    backup = pg.deployment.run("state", "backup", str(tmp_path / "x.db"))
    assert backup.returncode == 2
    assert "pg_dump --format=custom" in backup.stderr
    assert json.loads(pg.deployment.run("state", "upgrade", "--json").stdout)["steps"] == []
    assert pg.deployment.run("state", "forget", NAME, "--yes").returncode == 0
    assert pg.adopting()["adopted"] == 60
    ask(postgres_url, "ALTER TABLE pairs DROP CONSTRAINT uq_pairs_mapping_id_external_id")
    broken = pg.deployment.run("state", "verify")
    assert broken.returncode == 2
    assert "the table pairs does not keep external_id, mapping_id unique" in broken.stdout
    done = pg.deployment.run("state", "rebuild", "--json")
    assert done.returncode == 0, done.stderr
    rebuilt = json.loads(done.stdout)
    assert rebuilt["mappings"][NAME]["pairs"] == 60
    assert rebuilt["aside"].startswith("schema public_damaged_")
    schema = rebuilt["aside"].removeprefix("schema ")
    assert ask(postgres_url, f"SELECT count(*) FROM {schema}.pairs") == [(60,)]
    pg.quiet("--full")
    with pg.deployment.started("run"):
        until(
            lambda: bool(postgres.admin("SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'syncd %'")),
            what="the daemon's session",
        )
        refused = pg.deployment.run("state", "rebuild", "--force")
    assert refused.returncode in {2, 6}, refused.stdout + refused.stderr
    assert "another syncd has the state store open" in refused.stderr or "another run holds it" in refused.stderr


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://syncd:s3cretword@127.0.0.1:9/state", "cannot be reached"),
        ("postgresql://locked:wr0ng-word@/{database}?host={folder}", "refuses the password"),
        ("postgresql://locked@/{database}?host={folder}", "asks for a password"),
        ("postgresql://postgres:s3cretword@/nowhere?host={folder}", "there is no such database"),
        ("postgresql://nobody:s3cretword@/{database}?host={folder}", "refuses syncd"),
        ("postgresql://postgres:s3cretword@/{database}?host={folder}&options=-csearch_path%3Dno", "no schema"),
        ("postgresql://postgres:s3cretword@/{database}?host={folder}&nonsense=1", "PostgreSQL does not know"),
    ],
    ids=["refused", "wrong password", "no password", "no database", "no user", "no schema", "unknown option"],
)
@pytest.mark.parametrize("command", [("reconcile",), pytest.param(("plan",), marks=pytest.mark.slow)])
def test_a_server_that_cannot_be_used_is_named_without_its_password(
    pg: World, postgres: PostgresServer, postgres_url: str, url: str, words: str, command: tuple[str, ...]
) -> None:
    database = postgres_url.partition("@/")[2].partition("?")[0]
    given = url.format(database=database, folder=postgres.socket_folder)
    pg.deployment.environment["STATE_URL"] = given
    mark = pg.site.mark()
    done = pg.deployment.run(*command, "--verbose")
    assert done.returncode == 2, done.stdout + done.stderr
    assert words in done.stderr
    assert "→" in done.stderr
    assert "unexpected" not in done.stderr
    for secret in ("s3cretword", "wr0ng-word"):
        assert secret not in done.stdout + done.stderr
    assert pg.site.requests(mark) == []


def test_a_user_who_may_not_make_tables(pg: World, postgres: PostgresServer, postgres_url: str) -> None:
    database = postgres_url.partition("@/")[2].partition("?")[0]
    pg.deployment.environment["STATE_URL"] = postgres.url(database, "locked:right")
    done = pg.deployment.run("reconcile")
    assert done.returncode == 2
    assert "the user may not do that" in done.stderr
    assert "the right to use its schema and to make tables" in done.stderr


def test_a_schema_of_its_own_and_another_programs_tables(
    pg: World, postgres: PostgresServer, postgres_url: str
) -> None:
    ask(postgres_url, "CREATE TABLE public.pairs (id int)", "CREATE SCHEMA syncd")
    done = pg.deployment.run("reconcile")
    assert done.returncode == 2
    assert "are no state store of syncd" in done.stderr
    assert "?options=-csearch_path%3D" in done.stderr
    pg.deployment.environment["STATE_URL"] = f"{postgres_url}&options=-csearch_path%3Dsyncd"
    pg.shop.add(customers(5))
    pg.deployment.reconcile()
    assert ask(postgres_url, "SELECT count(*) FROM syncd.pairs") == [(5,)]


def test_a_server_that_goes_away_stops_the_run_and_loses_nothing(
    pg: World, postgres: PostgresServer, postgres_url: str
) -> None:
    pg.shop.add(customers(200))
    pg.site.fault("delay", path_contains="insert_many", seconds=0.5, times=2)
    end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'syncd %'"
    with pg.deployment.started("reconcile") as process:
        until(lambda: len(pg.site.customers()) >= 50, what="a creating call")
        database = postgres_url.partition("@/")[2].partition("?")[0]
        postgres.admin(f"ALTER DATABASE {database} ALLOW_CONNECTIONS false")
        assert postgres.admin(end) != [(0,)]
        out, err = process.communicate(timeout=LONGEST)
    assert process.returncode == 2, out + err
    assert "Traceback" not in err
    assert "the connection to the server was lost" in err or "cannot be reached" in err or "refuses" in err
    postgres.admin(f"ALTER DATABASE {database} ALLOW_CONNECTIONS true")
    pg.deployment.reconcile()
    pg.agree()
    pg.quiet("--full")
