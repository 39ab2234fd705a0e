"""Failures through the whole program: what passes is tried again, what stays is parked under its name, none is loud."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.system.harness import NOTHING, World, customers

INSERT = "insert_many"
LIMITED = {"SHOP_KEY": "limited", "SHOP_SECRET": "limited"}
BAD = {"name": "x < y"}
"""ERPNext takes no name with `<` in it: 409, whatever else is in the record."""


def creating(erp: World, mark: int) -> list[dict[str, Any]]:
    return [request for request in erp.site.requests(mark) if INSERT in request["path"]]


def failures(erp: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(erp.deployment.run("failures", "--json").stdout)["failures"]
    return found


def test_one_bad_record_in_a_batch_of_two_hundred_stops_itself_only(erp: World) -> None:
    rows = customers(200)
    rows[137].update(BAD)
    erp.shop.add(rows)
    mark = erp.site.mark()
    counts = erp.deployment.reconcile(code=3)
    assert (counts["created"]["erpnext"], counts["failed"]) == (199, 1)
    asked = len(creating(erp, mark))
    assert asked <= 20, f"{asked} creating requests: halves, not one by one"
    [failure] = failures(erp)
    assert (failure["external_id"], failure["state"], failure["action"]) == ("138", "parked", "create")
    shown = erp.deployment.run("failures", "show", str(failure["id"])).stdout
    assert "x < y" in shown
    mark = erp.site.mark()
    for arguments in ((), ("--full",)):
        assert erp.deployment.reconcile(*arguments, code=3)["failed"] == 1
    assert erp.site.writes(mark) == [], "parked: not sent again as it is"
    erp.shop.edit([138], name="x and y")
    assert erp.deployment.reconcile()["created"]["erpnext"] == 1
    erp.quiet("--full")


def test_a_parked_record_is_tried_again_when_the_mapping_changes(erp: World) -> None:
    erp.shop.add([{"id": 1, "name": "A", "notes": "Mars"}, {"id": 2, "name": "B", "notes": "All Territories"}])
    erp.deployment.replace(erp.deployment.mapping, 'customer_details = "notes"', 'territory = "notes"')
    assert erp.deployment.reconcile(code=3)["failed"] == 1
    erp.deployment.replace(
        erp.deployment.mapping,
        'territory = "notes"',
        'territory = { source = "notes", values = { Mars = "All Territories", "All Territories" = "Earth" } }',
    )
    erp.deployment.reconcile(code=3)
    assert "A" in {row["customer_name"] for row in erp.site.customers("customer_name")}


@pytest.mark.parametrize("kind", ["deadlock", "status"])
def test_what_passes_is_tried_again_in_the_run_and_what_lasts_by_later_ones(erp: World, kind: str) -> None:
    erp.shop.add(customers(3))
    erp.site.fault(kind, path_contains=INSERT, times=2)
    assert erp.deployment.reconcile()["created"]["erpnext"] == 3
    assert erp.site.met() == 2
    erp.site.clear_faults()
    erp.shop.edit([1], url="https://edited")
    erp.site._admin("POST", "lock", {"doctype": "Customer", "name": "Shop customer 00001"})
    counts = erp.deployment.reconcile(code=3)
    assert (counts["failed"], counts["updated"]) == (1, NOTHING)
    [failure] = failures(erp)
    assert failure["state"] == "retries"
    erp.site.clear_faults()
    assert erp.deployment.reconcile()["updated"]["erpnext"] == 1
    assert failures(erp) == []
    erp.quiet("--full")


def test_without_the_right_to_create_nothing_is_tried_record_by_record(erp: World) -> None:
    """One batch is refused, one question tells why, and the rest fail with the same cause without being sent."""
    erp.deployment.mapping.write_text(ITEMS)
    erp.shop.add(customers(1000))
    mark = erp.site.mark()
    done = erp.deployment.run("reconcile", **LIMITED)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "1,000 records failed" in done.stdout
    requests = erp.site.requests(mark)
    assert len(creating(erp, mark)) == 1
    assert len(requests) < 15, [request["path"] for request in requests]
    found = failures(erp)
    assert {failure["error"].split(" on ")[0] for failure in found} == {"limited@example.com may not create Item"}
    assert {failure["state"] for failure in found} == {"parked"}
    assert "failures retry" in found[0]["hint"]
    mark = erp.site.mark()
    assert erp.deployment.run("reconcile", **LIMITED).returncode == 3
    assert creating(erp, mark) == []
    assert erp.deployment.run("failures", "retry").returncode == 0
    counts = json.loads(erp.deployment.run("reconcile", "--json").stdout)["mappings"]["customer"]
    assert (counts["created"]["erpnext"], counts["failed"]) == (1000, 0), "with the right, all of them"


def test_a_right_that_one_record_lacks_does_not_stop_the_others(erp: World) -> None:
    """A User Permission refuses single documents, in the same words; the roles give the right."""
    erp.shop.add(customers(20))
    erp.site.fault("status", path_contains=INSERT, status=403)
    counts = erp.deployment.reconcile()
    assert (erp.site.met(), counts["created"]["erpnext"]) == (1, 20)


ITEMS = """\
[mapping]
doctype = "Item"
source = "shop"
entity = "customers"
direction = "to_erpnext"

[source]
id = "id"
modified = "updated_at"

[match]
by = [["item_code"]]

[fields]
item_code = "name"
description = "notes"
item_group = { constant = "Products" }
stock_uom = { constant = "Nos" }
"""


def test_without_the_right_to_write_nothing_is_tried_record_by_record(erp: World) -> None:
    erp.deployment.mapping.write_text(ITEMS)
    erp.shop.add(customers(300))
    erp.deployment.reconcile()
    erp.shop.edit(range(1, 301), notes="edited")
    mark = erp.site.mark()
    done = erp.deployment.run("reconcile", **LIMITED)
    assert done.returncode == 3, done.stdout + done.stderr
    puts = [request for request in erp.site.requests(mark) if request["method"] == "PUT"]
    assert len(puts) <= 8, "those that were in flight when the first was refused"
    found = failures(erp)
    assert len(found) == 300
    assert sum("may not write Item" in failure["error"] for failure in found) == 300
    assert erp.deployment.run("failures", "retry").returncode == 0
    assert erp.deployment.reconcile()["updated"]["erpnext"] == 300


@pytest.mark.slow
def test_ten_thousand_bad_records_fill_neither_the_log_nor_the_terminal_nor_the_page(erp: World) -> None:
    """Values that no field holds are refused before they are sent: the cost of them is the program's alone."""
    erp.shop.add({"id": number, "name": "n" * 200, "notes": str(number)} for number in range(1, 10_001))
    mark = erp.site.mark()
    done = erp.deployment.run("reconcile", timeout=300.0)
    assert done.returncode == 3, done.stderr
    assert "10,000 records failed" in done.stdout
    assert len(done.stdout.splitlines()) + len(done.stderr.splitlines()) < 60
    assert creating(erp, mark) == []
    listed = erp.deployment.run("failures").stdout
    assert len(listed.splitlines()) < 600, "a hundred of them, their causes wrapped"
    assert "9,900 more records failed" in listed
    following = erp.deployment.run("failures", "list", "--after", "100").stdout
    assert "9,800 more records failed" in following
    assert len(failures(erp)) == 10_000
    reports = sorted((erp.deployment.folder / "state" / "reports").glob("*.html"))
    assert max(Path(report).stat().st_size for report in reports) < 2_000_000
    again = erp.deployment.run("reconcile", timeout=300.0)
    assert again.returncode == 3
    assert len(list((erp.deployment.folder / "state" / "reports").glob("*.html"))) == len(reports), "nothing new"
