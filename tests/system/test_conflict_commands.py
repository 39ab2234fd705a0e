"""Conflicts through the real commands, against a site and a database: values that do not fit, files, revival."""

from __future__ import annotations

import json

from tests.system.harness import World, customers
from tests.system.test_commands import conflict


def test_a_value_is_held_against_the_sites_own_fields(erp: World) -> None:
    erp.shop.add(customers(2))
    erp.deployment.reconcile()
    number = str(conflict(erp))
    shown = erp.deployment.run("conflicts", "show", number).stdout
    assert "by limited@example.com" in shown
    assert "+00:00" in shown, "the source's stamp with its offset"
    too_long = ("conflicts", "resolve", number, "--set", f"website=https://{'x' * 140}")
    refused = erp.deployment.run(*too_long)
    assert refused.returncode == 2
    assert "website: " in refused.stderr
    assert "Data holds 140" in refused.stderr
    erp.server.stop()
    noted = erp.deployment.run(*too_long)
    assert noted.returncode == 0, noted.stderr
    assert "Not checked whether the values fit: customer: " in noted.stdout


def test_held_records_go_through_a_file_and_a_deletion_is_revived(erp: World) -> None:
    erp.shop.add(customers(3))
    erp.deployment.reconcile()
    number = conflict(erp)
    exported = erp.deployment.run("conflicts", "export", "held.toml", "--json")
    assert json.loads(exported.stdout)["conflicts"] == 1, exported.stderr
    file = erp.deployment.folder / "held.toml"
    file.write_text(file.read_text(encoding="utf-8").replace('take = ""', 'take = "source"'), encoding="utf-8")
    imported = json.loads(erp.deployment.run("conflicts", "import", "held.toml", "--json").stdout)
    assert imported["resolved"] == [{"conflict": number, "mapping": "customer", "resolution": {"take": "source"}}]
    assert erp.deployment.reconcile()["held"] == 0
    assert erp.site.get("Shop customer 00001")["website"] == "https://shop.example"
    stale = erp.deployment.run("conflicts", "import", "held.toml")
    assert stale.returncode == 2
    assert f"no conflict {number} is open" in stale.stderr

    row = customers(3)[1]
    with erp.shop.open() as connection:
        connection.execute("DELETE FROM customers WHERE id = 2")
    assert erp.deployment.reconcile("--full")["ended"] == 1
    ended = json.loads(erp.deployment.run("conflicts", "list", "--ended", "--json").stdout)["ended"]
    assert [(each["external_id"], each["erpnext_name"]) for each in ended] == [("2", "Shop customer 00002")]
    erp.shop.add([row])
    revived = erp.deployment.run("conflicts", "revive", "customer", "2")
    assert revived.returncode == 0, revived.stderr
    counts = erp.deployment.reconcile()
    assert (counts["held"], counts["created"], counts["ended"]) == (0, {"erpnext": 0, "source": 0}, 0)
    assert json.loads(erp.deployment.run("conflicts", "list", "--ended", "--json").stdout)["counts"] == {}
    erp.quiet("--full")
