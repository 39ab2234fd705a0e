"""`syncd failures` and `syncd check` as a person meets them: the program, a shop and a site on loopback."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from pathlib import Path

from syncd.adapters.sandbox import SandboxServer
from tests.system.harness import MAPPING, Site, World, deploy

TERRITORIES = MAPPING.replace('customer_details = "notes"', 'territory = "notes"')


def make_territory(erp: World, name: str) -> None:
    with closing(Site(erp.site.url, "full:full")) as admin:
        document = {"territory_name": name, "parent_territory": "All Territories", "is_group": 0}
        answer = admin.http.post("/api/resource/Territory", json=document)
        assert answer.status_code == 200, answer.text


def test_a_refused_record_is_parked_tried_again_when_asked_for_and_left_alone_when_ignored(erp: World) -> None:
    erp.deployment.mapping.write_text(TERRITORIES)
    shop, run = erp.shop, erp.deployment.run
    shop.add(
        [
            {"id": 1, "name": "Earth", "notes": "All Territories"},
            {"id": 2, "name": "Mars", "notes": "Mars"},
            {"id": 3, "name": "Venus", "notes": "Venus"},
        ]
    )
    first = erp.deployment.reconcile(code=3)
    assert (first["created"]["erpnext"], first["failed"]) == (1, 2)
    mark = erp.site.mark()
    assert erp.deployment.reconcile("--full", code=3)["failed"] == 2
    assert erp.site.writes(mark) == [], "parked"

    listed = json.loads(run("failures", "--json").stdout)["failures"]
    mars, venus = ((each["id"], each["external_id"], each["state"]) for each in listed)
    assert (mars[1:], venus[1:]) == (("2", "parked"), ("3", "parked"))
    shown = run("failures", "show", str(mars[0]))
    assert shown.returncode == 0
    assert "Territory" in shown.stdout
    assert "failures retry" in shown.stdout
    assert "failures list" in run("status").stdout

    make_territory(erp, "Mars")
    assert run("failures", "retry").returncode == 0
    assert erp.deployment.reconcile(code=3)["created"]["erpnext"] == 1
    [left] = json.loads(run("failures", "--json").stdout)["failures"]
    assert (left["external_id"], left["attempts"], left["state"]) == ("3", 2, "parked")

    assert run("failures", "ignore", str(left["id"])).returncode == 0
    quiet = erp.quiet("--full")
    assert (quiet["failed"], quiet["result"]) == (0, "in_sync")
    assert json.loads(run("status", "--json").stdout)["mappings"][0]["failed"] == 0
    assert run("reconcile").returncode == 0
    shop.edit([3], name="Venus II")
    assert erp.deployment.reconcile(code=3)["failed"] == 1


def test_check_tells_each_finding_once_and_in_lines_that_fit(tmp_path: Path) -> None:
    with SandboxServer(tmp_path / "site.db") as server:
        done = deploy(tmp_path / "deployment", server.url).run("check", "--json")
        findings = json.loads(done.stdout)["findings"]
        text = deploy(tmp_path / "again", server.url).run("check").stdout
    assert done.returncode == 2
    missing = [each for each in findings if "syncd_shop_id" in each["message"]]
    assert [each["severity"] for each in missing] == ["error"]
    assert max(Counter((each["where"], each["message"]) for each in findings).values()) == 1
    assert max(map(len, text.splitlines())) <= 120
