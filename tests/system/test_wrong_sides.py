"""Sites and sources that are not as the files say: the exit code, a text that helps, and nothing written anywhere."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.system.harness import LONGEST, PROGRAM, Deployment, World, customers, deploy, findings

WRONG = "wrong-secret-27b1"


@dataclass(frozen=True)
class Case:
    """What is wrong on a side. `codes`: of check, of a first run, and of a run of a mapping that ran before."""

    what: str
    spoil: Callable[[World], object]
    codes: tuple[int, int, int]
    words: tuple[str, ...]
    """What the text of each command must hold: file and key (or the place), cause, next step."""
    environment: tuple[tuple[str, str], ...] = ()


def mapping(old: str, new: str) -> Callable[[World], object]:
    return lambda erp: erp.deployment.replace(erp.deployment.mapping, old, new)


def sql(statement: str) -> Callable[[World], object]:
    def change(erp: World) -> None:
        with erp.shop.open() as connection:
            connection.executescript(statement)

    return change


CASES = (
    Case(
        "the mapping names a field that the DocType does not have",
        mapping('tax_id = "vat"', 'tax_idd = "vat"'),
        (2, 2, 2),
        ("mappings/customer.toml: fields.tax_idd", "Customer has no field tax_idd", "tax_id?"),
    ),
    Case(
        "the mapping names a column that the table does not have",
        mapping('website = "url"', 'website = "ulr"'),
        (2, 2, 2),
        ("mappings/customer.toml: fields.website", "has no column ulr", "url?"),
    ),
    Case(
        "a mapped column is gone",
        sql("ALTER TABLE customers DROP COLUMN notes"),
        (2, 2, 4),
        ("mappings/customer.toml: fields.customer_details", "has no column notes"),
    ),
    Case(
        "the table is gone",
        sql("ALTER TABLE customers RENAME TO clients"),
        (2, 2, 4),
        ("mappings/customer.toml: mapping.entity", "has no table 'customers'", "check the table's name"),
    ),
    Case(
        "the source's file is gone",
        lambda erp: erp.shop.path.rename(erp.shop.path.with_suffix(".away")),
        (5, 5, 5),
        ("shop.db is not there", "check `url` of the source in syncd.toml"),
    ),
    Case(
        "the source's file is no database",
        lambda erp: erp.shop.path.write_bytes(b"PK\x03\x04 this is a spreadsheet" * 400),
        (5, 5, 5),
        ("its file is no SQLite database", "check `url` of the source in syncd.toml"),
    ),
    Case(
        "the secret is wrong",
        lambda _: None,
        (5, 5, 5),
        ("refuses the credentials", "check key and secret of this site in syncd.toml"),
        (("SHOP_SECRET", WRONG),),
    ),
)


def images(erp: World) -> tuple[object, object]:
    """What both sides hold."""
    kept = next(path for path in (erp.shop.path, erp.shop.path.with_suffix(".away")) if path.exists())
    return erp.site.customers("customer_name", "modified"), kept.read_bytes()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_the_text_names_place_cause_and_next_step(erp: World, case: Case) -> None:
    erp.shop.add(customers(3))
    case.spoil(erp)
    refused(erp, case, {"check": case.codes[0], "reconcile": case.codes[1]})


@pytest.mark.parametrize("case", [case for case in CASES if case.codes[1] != case.codes[2]], ids=lambda case: case.what)
def test_what_fitted_once_and_does_not_any_more_halts(erp: World, case: Case) -> None:
    erp.shop.add(customers(3))
    assert erp.deployment.reconcile()["created"]["erpnext"] == 3
    case.spoil(erp)
    refused(erp, case, {"reconcile": case.codes[2], "plan": case.codes[2]})


def refused(erp: World, case: Case, codes: Mapping[str, int]) -> None:
    """Each command ends with its code, says what the case wants to be said, and writes nothing."""
    held, mark = images(erp), erp.site.mark()
    for command, code in codes.items():
        asked = (command, "--json") if command == "check" else (command,)
        done = erp.deployment.run(*asked, **dict(case.environment))
        text = findings(done) if command == "check" else done.stdout + done.stderr
        assert done.returncode == code, text
        for words in case.words:
            assert words in text
        assert WRONG not in text
        assert "Traceback" not in text
    for file in erp.deployment.state.parent.rglob("*"):
        assert file.is_dir() or WRONG.encode() not in file.read_bytes()
    assert images(erp) == held
    assert erp.site.writes(mark) == []


def test_a_plan_says_the_same_on_lines_of_its_own(erp: World) -> None:
    erp.deployment.replace(erp.deployment.mapping, 'tax_id = "vat"', 'tax_idd = "vat"')
    done = erp.deployment.run("plan")
    assert done.returncode == 2
    assert "\\n" not in done.stdout
    assert "Customer has no field tax_idd" in done.stdout
    assert not erp.deployment.state.exists()


def test_what_is_wrong_is_told_once(erp: World) -> None:
    erp.deployment.replace(erp.deployment.mapping, '"syncd_shop_id"', '"syncd_other_id"')
    found = json.loads(erp.deployment.run("check", "--json").stdout)["findings"]
    assert [finding["where"] for finding in found if finding["severity"] == "error"] == [
        "mappings/customer.toml: erpnext.external_id"
    ]


ITEM = """\
[mapping]
doctype = "Item"
source = "shop"
entity = "customers"

[source]
id = "id"

[match]
by = [["item_code"]]

[fields]
item_code = "name"
item_group = { constant = "Products" }
stock_uom = { constant = "Nos" }
"""


def test_a_user_without_the_rights_is_told_which_are_missing(erp: World) -> None:
    erp.deployment.mapping.write_text(ITEM)
    erp.shop.add(customers(2))
    item = {"item_code": "I-1", "item_group": "Products", "stock_uom": "Nos"}
    assert erp.site.http.post("/api/resource/Item", json=item, headers={"Authorization": "token full:full"}).is_success
    mark = erp.site.mark()
    limited = {"SHOP_KEY": "limited", "SHOP_SECRET": "limited"}
    checked = erp.deployment.run("check", "--json", **limited)
    assert checked.returncode == 2
    found = findings(checked)
    for right in ("write", "create"):
        assert f"error | mappings/customer.toml: mapping.doctype | limited@example.com may not {right} Item" in found
    assert "Role Permissions Manager" in found
    ran = erp.deployment.run("reconcile", **limited)
    assert ran.returncode == 3
    assert "2 records failed" in ran.stdout
    shown = erp.deployment.run("report", "show").stdout
    assert "@example.com may not create Item on" in " ".join(shown.split())
    assert "Role Permissions Manager" in shown
    assert [request["status"] for request in erp.site.writes(mark)].count(200) == 0
    assert erp.site.http.get("/api/method/frappe.client.get_count?doctype=Item").json()["message"] == 1


class Page(BaseHTTPRequestHandler):
    """Answers whatever is asked with a page, as a captive portal or a parked domain does."""

    def do_GET(self) -> None:
        body = b"<!doctype html><title>Parked</title><h1>This domain is parked</h1>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the name that http.server looks for

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


@contextmanager
def portal() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def closed_port() -> str:
    """A URL where nobody listens: the port was free a moment ago."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    server.server_close()
    return f"http://127.0.0.1:{server.server_port}"


def start(deployment: Deployment, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [PROGRAM, *arguments],
        cwd=deployment.folder,
        env=deployment.env(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_site_that_is_none_is_given_up_soon(tmp_path: Path) -> None:
    """Nothing listens, or a page answers: retries are for sites that were there a moment ago."""
    running: dict[tuple[str, ...], subprocess.Popen[str]] = {}
    deployments: list[Deployment] = []
    with portal() as page:
        places = {"nobody": closed_port(), "page": page}
        for place, url in places.items():
            for command in (("check", "--json"), ("reconcile",), ("plan",), ("provision",)):
                made = deploy(tmp_path / f"{place}-{command[0]}", url)
                made.shop.add(customers(1))
                deployments.append(made)
                running[place, command[0]] = start(made, *command)
        for (place, command), process in running.items():
            out, err = process.communicate(timeout=LONGEST)
            text = out + err
            assert process.returncode == 5, (place, command, text)
            assert places[place] in text
            if place == "nobody":
                assert "no connection" in text
                assert "check that the site runs and that `url` of this site in syncd.toml" in text
            else:
                assert "a page titled “Parked” instead of JSON" in text
                assert "something answers in the site's place" in text
    assert [made.shop.writes for made in deployments] == [1] * len(deployments)
