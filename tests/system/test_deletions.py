"""Deletions both ways through the whole program: judged one by one, never read from a failure, and guarded."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.system.harness import NOTHING, Site, World, customers, until, world

LIST = "/api/resource/Customer"
TRACES = "/api/resource/Deleted Document"
POLICY = '[delete]\nsource_deleted = "{source_deleted}"\nerpnext_deleted = "{erpnext_deleted}"\n\n[conflict]'


def policies(erp: World, source_deleted: str = "delete", erpnext_deleted: str = "delete", deleted: str = "") -> None:
    """Write `[delete]` into the mapping; `deleted` is the source's soft-delete column."""
    text = POLICY.format(source_deleted=source_deleted, erpnext_deleted=erpnext_deleted)
    erp.deployment.replace(erp.deployment.mapping, "[conflict]", text)
    if deleted:
        erp.deployment.replace(erp.deployment.mapping, 'id = "id"\n', f'id = "id"\ndeleted = "{deleted}"\n')
        with erp.shop.open() as connection:
            connection.execute(f"ALTER TABLE customers ADD COLUMN {deleted} TEXT")


def agreed(erp: World, count: int = 10) -> list[str]:
    """`count` customers on both sides, and a cursor to go on from; the names of the documents, by row."""
    erp.shop.add(customers(count))
    erp.deployment.reconcile()
    erp.deployment.reconcile()
    return [row["erp_ref"] for row in erp.shop.rows()]


def delete_row(erp: World, *ids: int) -> None:
    with erp.shop.open() as connection:
        connection.executemany("DELETE FROM customers WHERE id = ?", [(each,) for each in ids])


def delete_document(erp: World, *names: str, token: str = "full:full") -> None:
    """A person deletes documents at the desk: the site keeps a trace of it."""
    with closing(Site(erp.site.url, token)) as site:
        for name in names:
            answer = site.http.delete(f"{LIST}/{quote(name, safe='')}")
            assert answer.status_code == 202, answer.text


def names_of(erp: World) -> set[str]:
    return {row["name"] for row in erp.site.customers()}


def ids_of(erp: World) -> set[int]:
    return {row["id"] for row in erp.shop.rows()}


def status(erp: World) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(erp.deployment.run("status", "--json").stdout)["mappings"][0]
    return found


DELETED_ROW = [
    pytest.param("ignore", True, 0, id="ignore: the document stays"),
    pytest.param("delete", False, 0, id="delete: the document goes"),
    pytest.param("disable", True, 1, id="disable: the document is out of use"),
]


@pytest.mark.parametrize("soft", [False, True], ids=["the row is gone", "its column says so"])
@pytest.mark.parametrize(("policy", "stays", "disabled"), DELETED_ROW)
def test_a_row_that_is_deleted(erp: World, policy: str, stays: bool, disabled: int, soft: bool) -> None:
    policies(erp, source_deleted=policy, deleted="deleted_at" if soft else "")
    gone, *_ = agreed(erp, 3)
    if soft:
        erp.shop.edit([1], deleted_at="2026-01-01 00:00:00")
    else:
        delete_row(erp, 1)
    counts = erp.deployment.reconcile(*(() if soft else ("--full",)))
    assert counts["ended"] == 1
    assert (gone in names_of(erp)) is stays
    if stays:
        assert erp.site.get(gone)["disabled"] == disabled
        erp.site.edit(gone, website="https://edited.after")
    assert erp.quiet("--full")["created"] == NOTHING
    assert status(erp)["ended"] == 1


DELETED_DOCUMENT = [
    pytest.param("ignore", True, None, id="ignore: the row stays"),
    pytest.param("delete", False, None, id="delete: the row goes"),
    pytest.param("mark", True, "marked", id="mark: the row is marked"),
]


@pytest.mark.parametrize(("policy", "stays", "marked"), DELETED_DOCUMENT)
@pytest.mark.parametrize("full", [False, True], ids=["told by Deleted Document", "absent in a full pass"])
def test_a_document_that_is_deleted(erp: World, policy: str, stays: bool, marked: str | None, full: bool) -> None:
    policies(erp, erpnext_deleted=policy, deleted="deleted_at")
    gone, *_ = agreed(erp, 3)
    delete_document(erp, gone)
    if full:
        erp.site.fault("status", path_contains=TRACES, status=403, times=-1)
    counts = erp.deployment.reconcile(*(("--full",) if full else ()))
    assert counts["ended"] == 1
    assert (1 in ids_of(erp)) is stays
    if stays:
        assert bool(erp.shop.value("SELECT deleted_at FROM customers WHERE id = 1")) is bool(marked)
        erp.shop.edit([1], name="Edited after")
    erp.quiet("--full")
    assert gone not in names_of(erp), "never created anew"


def test_the_list_of_deletions_costs_one_request_a_pass_and_is_only_a_hint(erp: World) -> None:
    """It names documents that are there again, that belong to no pair, and that came later under the same name."""
    policies(erp)
    first, second, third = agreed(erp, 3)
    erp.site.add(customer_name="Nobody's", customer_group="Commercial")
    erp.deployment.reconcile()
    with closing(Site(erp.site.url, "full:full")) as site:
        for name in (first, "Nobody's"):
            assert site.http.delete(f"{LIST}/{quote(name, safe='')}").status_code == 202
        kept = {"customer_name": first, "syncd_shop_id": "1", "tax_id": "100001", "website": "https://1.example"}
        assert site.http.post(LIST, json={"customer_type": "Company", **kept}).status_code == 200
    mark = erp.site.mark()
    counts = erp.deployment.reconcile()
    assert (counts["created"], counts["deleted"]["source"]) == (NOTHING, 1), "of the four only one is really gone"
    assert names_of(erp) == {first, second, third}
    assert [request["path"] for request in erp.site.requests(mark)].count(TRACES) == 1
    erp.quiet("--full")


def test_who_may_not_read_the_list_asks_for_it_once_and_finds_deletions_by_full_passes(erp: World) -> None:
    """The integration user of most sites is no System Manager."""
    policies(erp)
    gone, *_ = agreed(erp, 3)
    delete_document(erp, gone)
    erp.site.fault("status", path_contains=TRACES, status=403, times=-1)
    mark = erp.site.mark()
    assert erp.deployment.reconcile()["ended"] == 0
    assert [request["path"] for request in erp.site.requests(mark)].count(TRACES) == 1
    assert erp.deployment.reconcile("--full")["deleted"]["source"] == 1


def fail_with(**rule: Any) -> Callable[[World], None]:
    return lambda erp: erp.site.fault(times=-1, **rule)


def keep_out(erp: World) -> None:
    """A filter that nothing matches any more."""
    erp.deployment.replace(erp.deployment.mapping, "[source]\n", '[source]\nfilters = { kind = "person" }\n')


NEVER = [
    pytest.param(fail_with(kind="status", path_contains=LIST, status=403), 5, id="the right to read was lost"),
    pytest.param(fail_with(kind="status", path_contains="/api/", status=401), 5, id="the login is refused"),
    pytest.param(
        fail_with(kind="status", path_contains=LIST, status=503, retry_after=3600),
        5,
        id="the site is closed",
    ),
    pytest.param(fail_with(kind="status", path_contains=LIST, status=404), 5, id="a page that is not there"),
]


@pytest.mark.parametrize(("spoil", "code"), NEVER)
def test_never_read_from_a_failure(erp: World, spoil: Callable[[World], None], code: int) -> None:
    policies(erp)
    agreed(erp, 8)
    mark, before = erp.site.mark(), erp.shop.writes
    spoil(erp)
    done = erp.deployment.run("reconcile", "--full")
    assert done.returncode == code, done.stdout + done.stderr
    assert erp.site.writes(mark) == []
    assert erp.shop.writes == before
    erp.site.clear_faults()
    erp.quiet("--full")


def test_a_document_that_is_hidden_halts_and_is_not_taken_for_deleted(erp: World) -> None:
    """A User Permission takes a document out of every list without a word; asked for by itself it answers 403."""
    policies(erp)
    hidden, *_ = agreed(erp, 3)
    erp.site._admin("POST", "delete", {"doctype": "Customer", "name": hidden})  # no list shows it
    erp.site.fault("status", method="GET", path_contains=f"{LIST}/", status=403, times=-1)
    for _ in range(2):
        mark, before = erp.site.mark(), erp.shop.writes
        done = erp.deployment.run("reconcile", "--full")
        assert done.returncode == 4, done.stdout + done.stderr
        assert "may not read it any more" in done.stdout
        assert erp.site.writes(mark) == []
        assert erp.shop.writes == before
    told = status(erp)
    assert told["halt"].startswith("lost_right")
    assert erp.deployment.run("reconcile").returncode == 4, "an ordinary pass would not have looked"
    erp.site.clear_faults()
    assert erp.deployment.reconcile()["deleted"]["source"] == 1, "now it answers 404"
    assert not status(erp)["halt"]


def test_what_leaves_the_filters_is_paused_and_not_deleted(erp: World) -> None:
    policies(erp)
    agreed(erp, 3)
    keep_out(erp)
    erp.shop.edit([1], kind="person")
    mark = erp.site.mark()
    counts = erp.deployment.reconcile("--full")
    assert (counts["deleted"], counts["ended"]) == (NOTHING, 0)
    assert [request for request in erp.site.writes(mark) if request["method"] == "DELETE"] == []
    assert len(names_of(erp)) == 3


@pytest.mark.parametrize("side", ["erpnext", "source"])
def test_a_side_that_is_empty_for_a_moment_halts_and_says_so_until_a_run_passes(erp: World, side: str) -> None:
    policies(erp)
    names = agreed(erp, 4)
    rows = erp.shop.rows()
    if side == "source":
        delete_row(erp, *ids_of(erp))
    else:
        erp.deployment.replace(erp.deployment.mapping, "[erpnext]\n", '[erpnext]\nfilters = [["disabled", "=", 1]]\n')
    halted = erp.deployment.run("reconcile", "--full")
    assert halted.returncode == 4, halted.stdout
    assert "no record at all" in halted.stdout
    shown = erp.deployment.run("status").stdout
    assert "no record at all" in shown or "emptied_side" in shown
    assert erp.deployment.run("reconcile").returncode == 4
    assert set(names) <= names_of(erp)
    if side == "source":
        with erp.shop.open() as connection:
            for row in rows:
                marks = ", ".join("?" * len(row))
                connection.execute(f"INSERT INTO customers ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))
    else:
        erp.deployment.replace(erp.deployment.mapping, 'filters = [["disabled", "=", 1]]\n', "")
    erp.quiet()
    assert not status(erp)["halt"]


def test_too_many_deletions_halt_in_the_daemon_without_damage_or_flood(tmp_path: Path, provisioned: Path) -> None:
    with world(tmp_path, provisioned, every="200ms") as erp:
        policies(erp)
        agreed(erp, 40)
        delete_row(erp, *range(1, 21))
        assert erp.deployment.run("reconcile", "--full").returncode == 4
        mark = erp.site.mark()
        with erp.deployment.started("run") as daemon:
            until(
                lambda: len(erp.deployment.state_rows("SELECT id FROM runs")) >= 5,
                what="a few passes that halt",
            )
            until(lambda: bool(status(erp)["halt"]), what="the halt in status")
            assert erp.site.writes(mark) == []
            assert len(names_of(erp)) == 40
            done = erp.deployment.run("reconcile", "--force", "--wait", "20")
            assert done.returncode == 0, done.stdout + done.stderr
            assert len(names_of(erp)) == 20
            erp.shop.edit([30], url="https://goes.on")
            until(lambda: erp.site.get("Shop customer 00030")["website"] == "https://goes.on", what="the next pass")
            assert not status(erp)["halt"]
            daemon.terminate()
            _, err = daemon.communicate(timeout=30)
        lines = [json.loads(line) for line in err.splitlines()]
        told = [line for line in lines if line["level"] == "warning" and line.get("halt")]
        assert len(told) == 1, told
        assert told[0]["halt"]["guard"] == "max_deletes"
        erp.quiet("--full")


@pytest.fixture
def merging(erp: World) -> Iterator[Callable[[str, str], None]]:
    """A person merges one Customer into another, as the desk's dialogue does."""
    with closing(Site(erp.site.url, "full:full")) as site:

        def merge(old: str, new: str) -> None:
            body = {"doctype": "Customer", "old_name": old, "new_name": new, "merge": 1}
            answer = site.http.post("/api/method/frappe.client.rename_doc", json=body)
            assert answer.status_code == 200, answer.text

        yield merge


@pytest.mark.parametrize("policy", ["ignore", "delete"])
@pytest.mark.parametrize("full", [False, True], ids=["incremental", "full"])
def test_a_document_that_was_merged_away_ends_its_pair(
    erp: World, merging: Callable[[str, str], None], policy: str, full: bool
) -> None:
    """Its row is what [delete] makes of it, and never becomes a document again; the other pair goes on."""
    policies(erp, erpnext_deleted=policy)
    old, new, _ = agreed(erp, 3)
    merging(old, new)
    counts = erp.deployment.reconcile(*(("--full",) if full else ()))
    assert (counts["ended"], counts["created"]) == (1, NOTHING)
    assert ids_of(erp) == ({2, 3} if policy == "delete" else {1, 2, 3})
    erp.shop.edit([1, 2], url="https://edited.after")
    counts = erp.deployment.reconcile("--full")
    assert counts["created"] == NOTHING
    assert erp.site.get(new)["website"] == "https://edited.after"
    assert old not in names_of(erp)
    erp.quiet("--full")


def test_a_name_that_is_used_again_for_another_document_is_another_record(erp: World) -> None:
    policies(erp)
    name, *_ = agreed(erp, 3)
    delete_document(erp, name)
    with closing(Site(erp.site.url, "full:full")) as site:
        assert site.add(customer_name=name, tax_id="777") == name
    counts = erp.deployment.reconcile(code=3)
    assert (counts["deleted"]["source"], counts["failed"]) == (1, 1), "the old row stood in the new one's way"
    assert erp.deployment.reconcile()["created"]["source"] == 1
    [row] = [row for row in erp.shop.rows() if row["erp_ref"] == name]
    assert (row["id"], row["name"], row["vat"]) == (4, name, 777)
    erp.quiet("--full")


def test_a_name_that_is_used_again_while_the_old_row_stays_is_told(erp: World) -> None:
    """[delete] ignores: the row of the deleted document keeps its name, which only a person may take out."""
    name, *_ = agreed(erp, 3)
    delete_document(erp, name)
    with closing(Site(erp.site.url, "full:full")) as site:
        assert site.add(customer_name=name, tax_id="777") == name
    for _ in range(3):
        counts = erp.deployment.reconcile(code=3)
        assert (counts["failed"], counts["created"], counts["error"]) == (1, NOTHING, None)
    shown = " ".join(erp.deployment.run("failures", "show", "1").stdout.split())
    assert "its name was given again" in shown
    assert "Empty erp_ref of 1" in shown
    with erp.shop.open() as connection:
        connection.execute("UPDATE customers SET erp_ref = NULL WHERE id = 1")
    assert erp.deployment.run("failures", "retry").returncode == 0
    assert erp.deployment.reconcile()["created"]["source"] == 1
    assert len(erp.shop.rows()) == 4
    erp.quiet("--full")


def test_an_external_id_that_was_edited_by_hand(erp: World) -> None:
    """Taken out: written again. Another record's: held, until it is put right."""
    erp.deployment.replace(
        erp.deployment.mapping, 'external_id = "syncd_shop_id"', 'external_id = "syncd_shop_id"\nwrite_back = "always"'
    )
    first, second, _ = agreed(erp, 3)

    def by_hand(name: str, value: str | None, *, bump: bool) -> None:
        values = {"syncd_shop_id": value}
        erp.site._admin("POST", "edit", {"doctype": "Customer", "name": name, "values": values, "bump": bump})

    by_hand(first, None, bump=False)
    assert erp.deployment.reconcile("--full")["linked"] == 1
    assert erp.site.get(first)["syncd_shop_id"] == "1"
    by_hand(second, "4711", bump=True)
    counts = erp.deployment.reconcile(code=3)
    assert (counts["held"], counts["conflicts"], counts["updated"]) == (1, 0, NOTHING)
    shown = erp.deployment.run("conflicts", "show", "1").stdout
    assert "says 4711, but it is paired with 2" in " ".join(shown.split())
    by_hand(second, "2", bump=False)
    assert erp.deployment.reconcile("--full")["held"] == 0
    erp.quiet("--full")


def test_values_that_moved_no_stamp_are_found_by_a_full_pass(erp: World) -> None:
    erp.deployment.replace(erp.deployment.settings, 'overlap = "10m"', 'overlap = "0s"')
    first, second, third = agreed(erp, 3)
    time.sleep(1.0)  # a poll looks again at the whole second of its cursor
    erp.shop.edit([3], notes="the cursor of the shop moves on")
    erp.site.edit(third, website="https://the.cursor.of.the.site")
    erp.deployment.reconcile()
    values = {"website": "https://without.stamp"}
    erp.site._admin("POST", "edit", {"doctype": "Customer", "name": first, "values": values, "bump": False})
    with erp.shop.open() as connection:
        connection.execute("UPDATE customers SET url = 'https://by.hand' WHERE id = 2")
    erp.quiet()
    counts = erp.deployment.reconcile("--full")
    assert counts["updated"] == {"erpnext": 1, "source": 1}
    assert erp.shop.value("SELECT url FROM customers WHERE id = 1") == "https://without.stamp"
    assert erp.site.get(second)["website"] == "https://by.hand"
    erp.quiet("--full")
