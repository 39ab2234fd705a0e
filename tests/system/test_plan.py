"""`syncd plan --out` and `syncd reconcile --plan`, as processes against a site and a shop."""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest

from tests.system.harness import NAME, World, customers


def files(folder: Path) -> dict[str, str]:
    """Every file of a deployment by its content."""
    return {
        str(file.relative_to(folder)): blake2b(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def document(done: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def planned(erp: World, tmp_path: Path, *arguments: str) -> Path:
    file = tmp_path / "a.plan"
    done = erp.deployment.run("plan", "--out", str(file), *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return file


def carry_out(erp: World, file: Path, code: int) -> dict[str, Any]:
    done = erp.deployment.run("reconcile", "--plan", str(file), "--json")
    assert done.returncode == code, done.stdout + done.stderr
    counts: dict[str, Any] = document(done)["mappings"][NAME]
    return counts


@pytest.mark.parametrize("full", [(), ("--full",)], ids=["incremental", "full"])
def test_a_plan_changes_no_byte_and_asks_the_site_for_nothing_but_reads(
    erp: World, tmp_path: Path, full: tuple[str, ...]
) -> None:
    erp.shop.add(customers(3))
    erp.deployment.reconcile()
    erp.shop.edit([1], url="https://new.example")
    erp.shop.add(customers(2, first=10))
    before, mark, writes = files(erp.deployment.folder), erp.site.mark(), erp.shop.writes
    file = planned(erp, tmp_path, *full)
    done = erp.deployment.run("plan", "--exit-code", *full)
    assert done.returncode == 10
    assert "Plan: 2 to create in ERPNext, 1 to update in ERPNext" in done.stdout
    assert "2 to link in the source" in done.stdout
    assert files(erp.deployment.folder) == before
    assert erp.shop.writes == writes
    requests = erp.site.requests(mark)
    assert requests
    assert [request for request in requests if request["writes"]] == []
    assert file.stat().st_mode & 0o777 == 0o600


def test_an_edit_in_between_is_refused_the_others_are_done_and_a_further_run_does_the_rest(
    erp: World, tmp_path: Path
) -> None:
    erp.shop.add(customers(6))
    erp.deployment.reconcile()
    erp.shop.edit([1, 2, 3], url="https://planned.example")
    erp.shop.add(customers(2, first=10))
    file = planned(erp, tmp_path)
    erp.shop.edit([2], url="https://edited.example")
    erp.site.edit(erp.shop.value("SELECT erp_ref FROM customers WHERE id = 3"), tax_id="9")
    erp.shop.edit([11], url="https://eleven.example")
    erp.shop.add(customers(1, first=20))
    counts = carry_out(erp, file, 3)
    assert counts["created"] == {"erpnext": 1, "source": 0}
    assert counts["updated"] == {"erpnext": 1, "source": 0}
    assert counts["linked"] == 1
    plan = counts["plan"]
    assert (plan["planned"], plan["refused"], plan["left"]) == (5, 3, 1)
    assert {record["external_id"] for record in plan["records"]} == {"2", "3", "11"}
    assert all("changed since the plan was made" in record["text"] for record in plan["records"])
    assert erp.site.get(erp.shop.value("SELECT erp_ref FROM customers WHERE id = 2"))["website"] == "https://2.example"
    shown = erp.deployment.run("report", "show").stdout
    assert "changed since the plan was made" in shown
    rest = erp.deployment.reconcile()
    assert rest["created"] == {"erpnext": 2, "source": 0}
    assert rest["updated"] == {"erpnext": 2, "source": 1}
    assert "plan" not in rest
    erp.agree()
    erp.quiet("--full")


def test_a_plan_works_before_there_is_a_store_and_is_carried_out_once(erp: World, tmp_path: Path) -> None:
    erp.shop.add(customers(3))
    erp.site.add(customer_name="From the site")
    file = planned(erp, tmp_path)
    assert not erp.deployment.state.exists()
    counts = carry_out(erp, file, 0)
    assert counts["created"] == {"erpnext": 3, "source": 1}
    assert (counts["plan"]["refused"], counts["plan"]["left"]) == (0, 0)
    mark, writes = erp.site.mark(), erp.shop.writes
    assert carry_out(erp, file, 3)["plan"]["refused"] == 4
    assert (erp.site.writes(mark), erp.shop.writes) == ([], writes)
    erp.quiet()
    erp.agree()


def test_a_plan_is_carried_out_for_what_it_was_made_for_only(erp: World, tmp_path: Path) -> None:
    erp.shop.add(customers(2))
    file = planned(erp, tmp_path)
    content = file.read_bytes()
    deployment = erp.deployment
    mapping, settings = deployment.mapping.read_text(), deployment.settings.read_text()

    def refused(*said: str) -> None:
        mark, before = erp.site.mark(), files(deployment.folder)
        done = deployment.run("reconcile", "--plan", str(file))
        assert done.returncode == 2, done.stdout + done.stderr
        for words in (str(file), *said):
            assert words in done.stderr
        assert "→" in done.stderr
        assert (erp.site.writes(mark), files(deployment.folder)) == ([], before)

    file.write_bytes(content[: len(content) // 2])
    refused("is cut off")
    file.write_bytes(content.replace(b"https://1.example", b"https://7.example"))
    refused("was changed after it was written")
    file.write_text('{"schema": "something"}')
    refused("is no plan that `syncd plan --out` wrote")
    file.unlink()
    refused("cannot be read")
    file.write_bytes(content)
    deployment.replace(deployment.mapping, 'wins = "manual"', 'wins = "source"')
    refused("customer.toml was changed since the plan was made")
    deployment.mapping.write_text(mapping.replace("[mapping]\n", "[mapping]\nenabled = false\n"))
    refused("the mapping customer, which is not enabled")
    deployment.mapping.write_text(mapping)
    deployment.replace(deployment.settings, "shop.db", "other.db")
    refused("the source was sqlite:///shop.db customers")
    deployment.settings.write_text(settings)
    deployment.mapping.rename(deployment.mapping.with_name("client.toml"))
    refused("the mapping customer, which is not there")
    deployment.mapping.with_name("client.toml").rename(deployment.mapping)
    assert carry_out(erp, file, 0)["created"] == {"erpnext": 2, "source": 0}


def test_a_guard_halts_a_plan_and_a_run_by_a_plan(erp: World, tmp_path: Path) -> None:
    erp.deployment.replace(erp.deployment.mapping, "[fields]", '[delete]\nsource_deleted = "delete"\n\n[fields]')
    erp.shop.add(customers(12))
    erp.deployment.reconcile()
    erp.shop.edit([12], url="https://planned.example")
    file = planned(erp, tmp_path, "--full")
    with erp.shop.open() as connection:
        connection.execute("DELETE FROM customers WHERE id < 11")
    mark = erp.site.mark()
    halted = erp.deployment.run("reconcile", "--plan", str(file))
    assert halted.returncode == 4, halted.stdout + halted.stderr
    assert erp.site.writes(mark) == []
    other = tmp_path / "other.plan"
    done = erp.deployment.run("plan", "--full", "--out", str(other))
    assert done.returncode == 4
    assert "customer would be halted: max_deletes" in done.stdout
    assert not other.exists()
