"""`syncd state` as a process: backed up while in use, looked at, moved aside and rebuilt, and nothing is made twice."""

from __future__ import annotations

import json
import sqlite3
import stat
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from syncd.adapters.store.tables import SCHEMA_REVISION
from tests.system.harness import LONGEST, NAME, NOTHING, PROGRAM, Done, World, customers, until

SLOW = pytest.mark.slow


def care(erp: World, *arguments: str, code: int = 0) -> Done:
    """`syncd state …`, which must end with `code` and without a traceback."""
    done = erp.deployment.run("state", *arguments)
    assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done


def document(erp: World, *arguments: str, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(care(erp, *arguments, "--json", code=code).stdout)
    return found


def rebuilt(erp: World, *arguments: str, code: int = 0) -> dict[str, Any]:
    """A rebuild, which must write nothing on either side: the mapping's counts."""
    mark, before = erp.site.mark(), erp.shop.writes
    found = document(erp, "rebuild", *arguments, code=code)
    assert erp.site.writes(mark) == []
    assert erp.shop.writes == before
    counts: dict[str, Any] = {**found["mappings"][NAME], "aside": found["aside"]}
    return counts


def spoil(state: Path) -> None:
    held = bytearray(state.read_bytes())
    held[4096 * 2 : 4096 * 24] = b"\xaa" * (4096 * 22)
    state.write_bytes(bytes(held))


def lose(state: Path) -> None:
    for part in state.parent.glob("syncd.db*"):
        part.unlink()


def change_state(erp: World, *texts: str) -> None:
    """Write into the store past the program."""
    with closing(sqlite3.connect(erp.deployment.state, timeout=10.0)) as connection, connection:
        for text in texts:
            connection.execute(text)


# Backup


def test_a_backup_is_whole_while_the_daemon_writes(erp: World, tmp_path: Path) -> None:
    erp.deployment.replace(erp.deployment.settings, 'every = "1m"', 'every = "0.2s"')
    erp.shop.add(customers(120))
    copies = [tmp_path / f"copy-{number}.db" for number in range(3)]
    with erp.deployment.started("run") as daemon:
        until(lambda: len(erp.site.customers()) >= 50, what="the daemon's first documents")
        for number, copy in enumerate(copies):
            erp.shop.add(customers(40, first=1000 * (number + 1)))
            care(erp, "backup", str(copy))
        daemon.terminate()
        daemon.communicate(timeout=LONGEST)
    for copy in copies:
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        erp.deployment.replace(erp.deployment.settings, 'url = "sqlite:///state/syncd.db"', f'url = "sqlite:///{copy}"')
        assert document(erp, "verify")["whole"]
        erp.deployment.replace(erp.deployment.settings, f'url = "sqlite:///{copy}"', 'url = "sqlite:///state/syncd.db"')


def test_a_backup_put_back_goes_on_from_there(erp: World, tmp_path: Path) -> None:
    erp.shop.add(customers(20))
    erp.deployment.reconcile()
    made = document(erp, "backup", str(tmp_path / "copy.db"))
    assert made["bytes"] == (tmp_path / "copy.db").stat().st_size
    erp.shop.add(customers(10, first=100))
    erp.deployment.reconcile()
    lose(erp.deployment.state)
    (tmp_path / "copy.db").rename(erp.deployment.state)
    assert erp.adopting()["adopted"] == 10
    erp.agree()
    erp.quiet("--full")


def test_a_backup_takes_nothing_away(erp: World, tmp_path: Path) -> None:
    erp.shop.add(customers(3))
    erp.deployment.reconcile()
    there = tmp_path / "there.db"
    there.write_text("precious")
    done = care(erp, "backup", str(there), code=2)
    assert "there is a file already" in done.stderr
    assert "--force" in done.stderr
    assert there.read_text() == "precious"
    care(erp, "backup", str(there), "--force")
    assert stat.S_IMODE(there.stat().st_mode) == 0o600
    assert there.read_bytes().startswith(b"SQLite format 3")
    assert "the state store itself" in care(erp, "backup", str(erp.deployment.state), "--force", code=2).stderr
    assert "no such file or directory" in care(erp, "backup", str(tmp_path / "no" / "x.db"), code=2).stderr
    spoil(erp.deployment.state)
    before = there.read_bytes()
    assert "the file is damaged" in care(erp, "backup", str(there), "--force", code=2).stderr
    assert there.read_bytes() == before, "a damaged store never takes a good backup's place"
    assert [path.name for path in tmp_path.glob("*.part-*")] == []


@pytest.mark.parametrize("command", [("backup", "x.db"), ("verify",), ("upgrade",), ("forget", NAME, "--yes")])
def test_without_a_store_none_is_made(erp: World, command: tuple[str, ...]) -> None:
    done = care(erp, *command, code=2)
    assert "state/syncd.db: there is no state store" in done.stderr
    assert "syncd state rebuild" in done.stderr
    assert not erp.deployment.state.exists()


# Verify


def test_a_whole_store_is_called_whole_and_left_as_it_is(erp: World) -> None:
    erp.shop.add(customers(30))
    erp.deployment.reconcile()
    before = erp.deployment.state.read_bytes()
    found = document(erp, "verify")
    assert (found["whole"], found["pairs"], found["findings"]) == (True, 30, [])
    assert "30 pairs" in care(erp, "verify").stdout
    assert care(erp, "verify", "--quiet").stdout == ""
    assert erp.deployment.state.read_bytes() == before


def test_everything_that_contradicts_itself_is_found(erp: World) -> None:
    erp.shop.add(customers(6))
    erp.deployment.reconcile()
    change_state(
        erp,
        "UPDATE pairs SET erpnext_image = x'5b31' WHERE external_id = '1'",
        "UPDATE pairs SET source_image = CAST('[1]' AS BLOB) WHERE external_id = '2'",
        "UPDATE pairs SET state = 77 WHERE external_id = '3'",
        "UPDATE pairs SET layout = 9 WHERE external_id = '4'",
        "UPDATE pairs SET external_id = NULL WHERE external_id = '5'",
        "INSERT INTO staged (mapping_id, side, state, docstatus, deleted, pair, key, digest, image) "
        "VALUES (1, 1, 0, 0, 0, 999, 'x', x'00', CAST('[' AS BLOB))",
        "INSERT INTO operations "
        "(mapping_id, key, run, side, action, state, count, request_id, error, records, results) "
        "VALUES (1, 'k', 'r', 'erpnext', 'update', 'open', 1, '', '', CAST('{}' AS BLOB), x'')",
    )
    found = document(erp, "verify", code=2)
    told = "\n".join(f"{each['mapping']}: {each['message']}" for each in found["findings"])
    for words in (
        "1 pair(s) whose baseline cannot be read (one of them: ERPNext Shop customer 00001, source 1)",
        "1 pair(s) whose baseline has another number of fields than its layout",
        "1 pair(s) in a state that this version does not know",
        "1 pair(s) whose baseline has fields that are not recorded",
        "1 pair(s) that count as agreed, but without the key of one side",
        "1 staged row(s) of a pair that does not exist",
        "1 staged row(s) that cannot be read (one of them: source x)",
        "1 open operation(s) that cannot be read (one of them: k)",
    ):
        assert f"{NAME}: {words}" in told
    text = care(erp, "verify", code=2).stdout
    assert "things are wrong with the state store" in text
    assert "syncd state rebuild" in text


def test_an_open_operation_is_no_damage(erp: World) -> None:
    erp.shop.add(customers(3))
    erp.site.fault("delay", path_contains="insert_many", seconds=2.0)
    with erp.deployment.started("reconcile") as process:
        until(lambda: len(erp.site.customers()) > 0, what="a creating call")
        process.kill()
        process.wait(timeout=LONGEST)
    found = document(erp, "verify")
    assert found["whole"]
    assert [(each["problem"], "no outcome yet" in each["message"]) for each in found["findings"]] == [(False, True)]


def _unique_lost(state: Path) -> None:
    with closing(sqlite3.connect(state, isolation_level=None)) as connection:
        connection.execute("ALTER TABLE pairs RENAME TO old")
        connection.execute("CREATE TABLE pairs AS SELECT * FROM old")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (spoil, "the file is damaged"),
        (lambda state: state.write_bytes(b""), "is empty"),
        (lambda state: state.write_bytes(state.read_bytes()[:9000]), "is cut short"),
        (_unique_lost, "does not keep"),
    ],
    ids=["damaged pages", "empty", "cut short", "no constraints"],
)
def test_damage_is_found_and_the_way_out_is_named(erp: World, damage: Callable[[Path], object], words: str) -> None:
    erp.shop.add(customers(20))
    erp.deployment.reconcile()
    damage(erp.deployment.state)
    before = erp.deployment.state.read_bytes()
    done = care(erp, "verify", code=2)
    assert words in done.stdout
    assert "`syncd state rebuild` moves this store aside" in done.stdout
    assert erp.deployment.state.read_bytes() == before


# Rebuild


def test_a_lost_store_of_two_thousand_is_rebuilt_and_the_next_run_writes_nothing(erp: World) -> None:
    erp.shop.add(customers(2000))
    erp.deployment.reconcile()
    erp.quiet()
    spoil(erp.deployment.state)
    found = rebuilt(erp)
    assert (found["pairs"], found["agreed"], found["to_write"]) == (2000, 2000, 0)
    assert (found["held"], found["failed"], found["ended"], found["error"]) == (0, 0, 0, None)
    assert found["alone"] == NOTHING
    assert (erp.deployment.folder / found["aside"]).exists()
    assert found["aside"].startswith("state/syncd.db.damaged-")
    assert document(erp, "verify")["whole"]
    erp.quiet()
    erp.quiet("--full")
    erp.agree()


def test_what_happened_meanwhile_is_found_and_nothing_is_made_twice(erp: World) -> None:
    """Edits on both sides, new records on both, deletions on both, while there was no store."""
    erp.shop.add(customers(60))
    made_here = erp.site.add(customer_name="Made at the site", customer_group="Commercial", territory="All Territories")
    erp.deployment.reconcile()
    lose(erp.deployment.state)
    names = {row["id"]: row["erp_ref"] for row in erp.shop.rows()}
    erp.shop.edit([1], url="https://shop.example")
    erp.site.edit(names[2], website="https://site.example")
    erp.site.edit(names[3], website="https://same.example")
    erp.shop.edit([3], url="https://same.example")
    erp.shop.edit([4], url="https://one.example")
    erp.site.edit(names[4], website="https://other.example")
    erp.shop.add(customers(5, first=500))
    erp.site.add(customer_name="New at the site", customer_group="Commercial", territory="All Territories")
    with erp.shop.open() as connection:
        connection.execute("DELETE FROM customers WHERE id = 10")
    gone = erp.site.http.delete(f"/api/resource/Customer/{names[11]}", headers={"Authorization": "token full:full"})
    assert gone.status_code in {200, 202}, gone.text
    found = rebuilt(erp, code=3)
    assert (found["pairs"], found["ended"], found["aside"]) == (59, 2, None)
    assert (found["held"], found["to_write"]) == (3, 0), "first contact: both are set and differ, wins = manual"
    assert found["alone"] == {"erpnext": 1, "source": 5}
    rows, documents = len(erp.shop.rows()), len(erp.site.customers())
    after = erp.deployment.reconcile(code=3)
    assert after["created"] == {"erpnext": 5, "source": 1}
    assert (after["held"], after["ended"]) == (3, 0)
    assert (len(erp.shop.rows()), len(erp.site.customers())) == (rows + 1, documents + 5)
    assert made_here in {row["erp_ref"] for row in erp.shop.rows()}
    assert erp.quiet("--full", code=3)["held"] == 3


NO_IDS = (('erpnext_name = "erp_ref"\n', ""), ('external_id = "syncd_shop_id"\n', ""), ("[erpnext]\n", ""))


def test_without_ids_the_match_rules_find_the_pairs(erp: World) -> None:
    for old, new in NO_IDS:
        erp.deployment.replace(erp.deployment.mapping, old, new)
    erp.shop.add(customers(50))
    erp.deployment.reconcile()
    lose(erp.deployment.state)
    assert rebuilt(erp)["pairs"] == 50
    erp.quiet()
    assert len(erp.site.customers()) == len(erp.shop.rows()) == 50


def test_ids_that_are_never_written_back_and_match_rules(erp: World) -> None:
    erp.deployment.replace(erp.deployment.mapping, 'erpnext_name = "erp_ref"\n', "")
    erp.deployment.replace(
        erp.deployment.mapping, 'external_id = "syncd_shop_id"', 'external_id = "syncd_shop_id"\nwrite_back = "never"'
    )
    erp.shop.add(customers(10))
    erp.site.add(customer_name="Made at the site", customer_group="Commercial", territory="All Territories")
    erp.deployment.reconcile()
    lose(erp.deployment.state)
    assert rebuilt(erp)["pairs"] == 11
    erp.quiet()
    assert len(erp.site.customers()) == len(erp.shop.rows()) == 11


def test_a_mapping_whose_pairs_nothing_tells_is_refused_by_name(erp: World) -> None:
    erp.shop.add(customers(5))
    erp.deployment.reconcile()
    for old, new in (*NO_IDS, ('[match]\nby = [["customer_name"]]\n', "")):
        erp.deployment.replace(erp.deployment.mapping, old, new)
    spoil(erp.deployment.state)
    before = erp.deployment.state.read_bytes()
    done = care(erp, "rebuild", code=2)
    assert "mappings/customer.toml: it has no erpnext.external_id, no source.erpnext_name" in done.stderr
    assert "[match]" in done.stderr
    assert erp.deployment.state.read_bytes() == before


def test_a_whole_store_is_not_thrown_away(erp: World) -> None:
    erp.shop.add(customers(5))
    erp.deployment.reconcile()
    done = care(erp, "rebuild", code=2)
    assert "is whole and holds 5 pairs" in done.stderr
    assert "--force" in done.stderr
    change_state(erp, "UPDATE alembic_version SET version_num = '9999'")
    assert "written by a newer syncd" in care(erp, "rebuild", code=2).stderr
    change_state(erp, f"UPDATE alembic_version SET version_num = '{SCHEMA_REVISION}'")
    found = rebuilt(erp, "--force")
    assert found["pairs"] == 5
    assert found["aside"].startswith("state/syncd.db.replaced-")
    erp.quiet()


def test_another_programs_file_is_never_moved(erp: World) -> None:
    erp.deployment.state.parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(erp.deployment.state)) as connection, connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    assert "is no state store of syncd" in care(erp, "rebuild", "--force", code=2).stderr
    assert [path.name for path in erp.deployment.state.parent.glob("*.db*")] == ["syncd.db"]


def test_nothing_is_moved_while_the_daemon_has_it_open_or_a_side_does_not_answer(erp: World) -> None:
    erp.shop.add(customers(5))
    erp.deployment.reconcile()
    with erp.deployment.started("run") as daemon:
        finished = "SELECT count(*) FROM runs WHERE finished IS NOT NULL"
        until(lambda: erp.deployment.state_rows(finished) == [(2,)], what="the daemon's first pass")
        done = care(erp, "rebuild", "--force", code=2)
        assert f"process {daemon.pid} has the state store open" in done.stderr
        assert "stop the daemon" in done.stderr
    erp.deployment.replace(erp.deployment.settings, "shop.db", "gone.db")
    care(erp, "rebuild", "--force", code=5)
    assert list(erp.deployment.state.parent.glob("syncd.db.*")) == []


def test_the_wrong_database_ends_no_pair(erp: World) -> None:
    """Every document names a row that is not there: halted, and as before once the right database answers."""
    erp.shop.add(customers(30))
    erp.deployment.reconcile()
    lose(erp.deployment.state)
    with erp.shop.open() as connection:
        connection.execute("ALTER TABLE customers RENAME TO away")
        connection.execute("CREATE TABLE customers AS SELECT * FROM away WHERE 0")
        connection.execute("CREATE UNIQUE INDEX customers_id ON customers (id)")
    halted = rebuilt(erp, code=4)
    assert halted["error"]["guard"] == "max_deletes"
    assert "30 of 30 records of ERPNext name a record of the source that is not there" in halted["error"]["message"]
    assert (halted["pairs"], halted["ended"]) == (0, 0)
    with erp.shop.open() as connection:
        connection.execute("DROP TABLE customers")
        connection.execute("ALTER TABLE away RENAME TO customers")
    assert rebuilt(erp)["pairs"] == 30
    erp.quiet()
    erp.agree()


@pytest.mark.parametrize("at", [1, pytest.param(3, marks=SLOW), pytest.param(6, marks=SLOW)])
def test_a_rebuild_that_is_killed_leaves_nothing_to_be_made_twice(erp: World, at: int) -> None:
    erp.shop.add(customers(300))
    erp.deployment.reconcile()
    spoil(erp.deployment.state)
    mark = erp.site.mark()
    erp.site.fault("delay", seconds=0.2, times=-1)
    with erp.deployment.started("state", "rebuild") as process:
        until(lambda: len(erp.site.requests(mark)) >= at, what="the rebuild's requests")
        process.kill()
        process.wait(timeout=LONGEST)
    erp.site.clear_faults()
    if not list(erp.deployment.state.parent.glob("*.damaged-*")):
        assert rebuilt(erp)["pairs"] == 300
    erp.adopting()
    erp.agree()
    erp.quiet("--full")


def test_a_log_without_its_file_is_moved_away_by_a_rebuild(erp: World) -> None:
    erp.shop.add(customers(4))
    erp.deployment.reconcile()
    lose(erp.deployment.state)
    Path(f"{erp.deployment.state}-wal").write_bytes(b"left behind")
    done = erp.deployment.run("reconcile")
    assert done.returncode == 2
    assert "syncd state rebuild" in done.stderr
    found = rebuilt(erp)
    assert found["pairs"] == 4
    assert (erp.deployment.folder / f"{found['aside']}-wal").read_bytes() == b"left behind"
    erp.quiet()


# Under the feet of the daemon, and where there is no folder


def _upgraded(erp: World) -> None:
    change_state(erp, "UPDATE alembic_version SET version_num = '9999'")


def _taken_away(erp: World) -> None:
    erp.deployment.state.rename(erp.deployment.folder / "elsewhere.db")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(_upgraded, "another version of syncd has upgraded the state store", id="upgraded"),
        pytest.param(_taken_away, "the file of the state store was moved away", id="moved away"),
    ],
)
def test_a_daemon_whose_store_changes_under_its_feet_writes_nothing_more(
    erp: World, change: Callable[[World], None], words: str
) -> None:
    erp.deployment.replace(erp.deployment.settings, 'every = "1m"', 'every = "0.3s"')
    erp.deployment.replace(erp.deployment.settings, "[schedule]", '[log]\nlevel = "debug"\n\n[schedule]')
    erp.shop.add(customers(5))
    log = erp.deployment.folder / "log"
    with log.open("w") as stream:
        daemon = subprocess.Popen(
            [PROGRAM, "run"], cwd=erp.deployment.folder, env=erp.deployment.env(), stdout=stream, stderr=stream
        )
        try:
            until(lambda: len(erp.site.customers()) == 5, what="the daemon's first pass")
            until(lambda: erp.deployment.state_rows("SELECT count(*) FROM leases") == [(0,)], what="its end")
            change(erp)
            until(lambda: words in log.read_text(), what="the daemon's word on it")
            mark = erp.site.mark()
            erp.shop.edit([1], url="https://new.example")
            again = log.read_text().count("pass failed again")
            until(lambda: log.read_text().count("pass failed again") > again + 1, what="two more passes")
            assert erp.site.writes(mark) == []
            assert daemon.poll() is None
        finally:
            daemon.terminate()
            daemon.wait(timeout=LONGEST)
    assert "Traceback" not in log.read_text()


def test_a_folder_that_is_not_there_is_made_and_one_that_cannot_be_is_named(erp: World) -> None:
    erp.shop.add(customers(3))
    url = 'url = "sqlite:///state/syncd.db"'
    erp.deployment.replace(erp.deployment.settings, url, 'url = "sqlite:///far/away/syncd.db"')
    erp.deployment.reconcile()
    assert (erp.deployment.folder / "far" / "away" / "syncd.db").exists()
    (erp.deployment.folder / "in-the-way").write_text("a file")
    erp.deployment.replace(erp.deployment.settings, "far/away", "in-the-way")
    mark = erp.site.mark()
    for command in (("reconcile",), ("status",), ("state", "verify"), ("state", "rebuild")):
        done = erp.deployment.run(*command)
        assert done.returncode == 2, done.stdout + done.stderr
        assert "in-the-way" in done.stderr
        assert "Traceback" not in done.stderr
        assert "→" in done.stderr
    assert erp.site.writes(mark) == []


# Upgrade, forget


def test_there_is_nothing_to_upgrade_and_a_newer_store_is_refused(erp: World) -> None:
    erp.shop.add(customers(2))
    erp.deployment.reconcile()
    found = document(erp, "upgrade")
    assert (found["from"], found["steps"], found["copy"]) == (found["to"], [], None)
    assert "nothing to do" in care(erp, "upgrade").stdout
    change_state(erp, "UPDATE alembic_version SET version_num = '9999'")
    done = care(erp, "upgrade", code=2)
    assert "written by a newer syncd" in done.stderr
    assert "syncd state rebuild --force" in done.stderr
    assert "install a newer syncd" in care(erp, "verify", code=2).stdout


def test_what_is_forgotten_is_found_again(erp: World) -> None:
    erp.shop.add(customers(40))
    erp.deployment.reconcile()
    asked = care(erp, "forget", NAME, code=2)
    assert "this forgets 40 pairs of mapping customer; nothing was changed" in asked.stderr
    assert f"syncd state forget {NAME} --yes" in asked.stderr
    assert erp.deployment.state_rows("SELECT count(*) FROM pairs") == [(40,)]
    done = care(erp, "forget", NAME, "--yes")
    assert "40 pairs" in done.stdout
    assert "The next run reads both sides whole and finds the pairs again" in done.stdout
    assert erp.deployment.state_rows("SELECT count(*) FROM pairs") == [(0,)]
    assert erp.adopting()["adopted"] == 40
    erp.agree()
    unknown = care(erp, "forget", "custommer", "--yes", code=2)
    assert "Did you mean customer?" in unknown.stderr


def test_a_mapping_that_is_run_is_not_forgotten(erp: World) -> None:
    erp.shop.add(customers(20))
    erp.site.fault("delay", path_contains="insert_many", seconds=3.0)
    with erp.deployment.started("reconcile") as process:
        until(lambda: len(erp.site.customers()) > 0, what="a creating call")
        done = care(erp, "forget", NAME, "--yes", code=6)
        assert f"process {process.pid}" in done.stderr
        process.communicate(timeout=LONGEST)
    assert process.returncode == 0
    erp.quiet()
