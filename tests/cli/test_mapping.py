"""`syncd mapping new` against a real SQLite shop and the embedded site: the drafts load and pass `syncd check`."""

from __future__ import annotations

import sqlite3
import tomllib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from syncd.adapters.sandbox import SandboxServer
from syncd.cli.main import call
from tests.cli.conftest import Called

SHOP = """
CREATE TABLE customers (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, kind TEXT, vat TEXT, country_code TEXT, lang TEXT, url TEXT,
    commission_cents INTEGER, blocked TEXT, notes TEXT, email TEXT, contact_id INTEGER, erp_ref TEXT, deleted_at TEXT,
    created_at TEXT, updated_at TEXT NOT NULL
);
INSERT INTO customers (name, kind, vat, country_code, lang, blocked, updated_at) VALUES
    ('Aster', 'company', 'DE1', 'DE', 'de', 'no', '2026-01-01 10:00:00'),
    ('Berta', 'person', 'DE2', 'FR', 'fr', 'yes', '2026-01-01 10:00:00');
CREATE TABLE suppliers (
    "SupplierNo" INTEGER PRIMARY KEY, "SupplierName" VARCHAR(80) NOT NULL, "VatId" TEXT UNIQUE, "Country" TEXT,
    active BOOLEAN NOT NULL, "type" TEXT, "LastModified" DATETIME
);
INSERT INTO suppliers VALUES (1, 'Xaver', 'U1', 'Germany', 1, 'Company', '2026-01-01 10:00:00');
CREATE TABLE products (
    sku TEXT PRIMARY KEY, title TEXT NOT NULL, description TEXT, category TEXT, price_cents INTEGER, weight REAL,
    is_active INTEGER NOT NULL, image BLOB, modified_at TIMESTAMP NOT NULL
);
INSERT INTO products VALUES ('S1', 'Lamp', 'a lamp', 'Products', 100, 1.5, 1, NULL, '2026-01-01 10:00:00');
CREATE TABLE leads (
    lead_id INTEGER PRIMARY KEY, full_name TEXT, company TEXT, mail TEXT, mobile TEXT, tel TEXT, status TEXT,
    employees TEXT, updated_at TEXT
);
INSERT INTO leads VALUES (1, 'Nora', 'Firm', 'n@example.com', '1', '2', 'contacted', '11-50', '2026-01-01 10:00:00');
CREATE TABLE "odd ""table"" ключ" (
    "Kunden Nr" INTEGER PRIMARY KEY, [Customer "Name"] TEXT, "客户名" TEXT, " " TEXT, "VAT Number" TEXT, "a
b" TEXT, "x#y" TEXT, "back\\slash'" TEXT
);
INSERT INTO "odd ""table"" ключ" ("Kunden Nr", "VAT Number") VALUES (1, 'DE1');
CREATE VIEW people AS SELECT id, name, vat FROM customers;
CREATE TABLE empty (id INTEGER PRIMARY KEY, name TEXT, kind TEXT, blocked TEXT);
CREATE TABLE strange (id INTEGER PRIMARY KEY, zzz TEXT, qqq INTEGER);
"""
SETTINGS = """
[sites.main]
url = "{url}"
key = "{user}"
secret = "{user}"
[sources.shop]
type = "sql"
url = "sqlite:///shop.db"
"""


class Place:
    """A deployment beside a running site, and the program called in it."""

    def __init__(self, folder: Path, url: str, output: pytest.CaptureFixture[bytes]) -> None:
        self.folder, self.url, self._output = folder, url, output
        with closing(sqlite3.connect(folder / "shop.db")) as shop:
            shop.executescript(SHOP)
        self.settings()

    def settings(self, user: str = "full", more: str = "") -> None:
        (self.folder / "syncd.toml").write_text(SETTINGS.format(url=self.url, user=user) + more)

    def __call__(self, *arguments: str) -> Called:
        code = call(arguments)
        out, err = self._output.readouterr()
        return Called(code, out.decode(), err.decode())

    def new(self, doctype: str, entity: str, *more: str) -> Called:
        return self("mapping", "new", doctype, "--source", "shop", "--entity", entity, *more)

    def read(self, name: str) -> dict[str, Any]:
        return tomllib.loads((self.folder / f"mappings/{name}.toml").read_text())


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with SandboxServer(tmp_path_factory.mktemp("site") / "sandbox.db") as server:
        yield server.url


@pytest.fixture
def place(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Place:
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path, url, capfdbinary)


def test_drafts_of_four_doctypes_load_and_pass_check(place: Place) -> None:
    for doctype, entity in (
        ("Customer", "customers"),
        ("Supplier", "suppliers"),
        ("Item", "products"),
        ("Lead", "leads"),
    ):
        called = place.new(doctype, entity)
        assert (called.code, called.err) == (0, ""), doctype
        assert f"wrote mappings/{entity}.toml: " in called.out
        assert f"`syncd check {entity}`" in called.out
    assert place("provision", "--apply").code == 0
    checked = place("check", "customers", "suppliers", "products", "leads", "--json")
    assert checked.code == 0
    severities = {(each["mapping"], each["severity"]) for each in checked.json["findings"]}
    assert {mapping for mapping, severity in severities if severity == "ok"} == {
        "customers",
        "suppliers",
        "products",
        "leads",
    }
    assert place.read("customers")["mapping"]["enabled"] is False


@pytest.mark.parametrize(
    ("doctype", "entity", "id_", "match", "fields"),
    [
        (
            "Customer",
            "customers",
            "id",
            [["tax_id"]],
            {
                "customer_name": "name",
                "customer_type": {"source": "kind", "values": {"company": "Company", "person": "Individual"}},
                "tax_id": "vat",
                "territory": {"source": "country_code", "convert": "country"},
                "language": "lang",
                "website": "url",
                "default_commission_rate": {"source": "commission_cents", "convert": "cents"},
                "disabled": {"source": "blocked", "convert": "bool(yes,no)"},
                "customer_details": "notes",
            },
        ),
        (
            "Supplier",
            "suppliers",
            "SupplierNo",
            [["tax_id"]],
            {
                "supplier_name": "SupplierName",
                "tax_id": "VatId",
                "country": "Country",
                "disabled": {"source": "active", "values": {"1": "0", "0": "1"}},
                "supplier_type": "type",
            },
        ),
        (
            "Item",
            "products",
            "sku",
            [["item_code"]],
            {
                "item_code": "sku",
                "item_name": "title",
                "description": {"source": "description", "convert": "text"},
                "item_group": "category",
                "standard_rate": {"source": "price_cents", "convert": "cents"},
                "weight_per_unit": "weight",
                "disabled": {"source": "is_active", "values": {"1": "0", "0": "1"}},
            },
        ),
        (
            "Lead",
            "leads",
            "lead_id",
            [["email_id"], ["mobile_no"]],
            {
                "lead_name": "full_name",
                "company_name": "company",
                "email_id": "mail",
                "mobile_no": "mobile",
                "phone": "tel",
                "no_of_employees": "employees",
            },
        ),
    ],
)
def test_what_is_drafted(
    place: Place, doctype: str, entity: str, id_: str, match: list[list[str]], fields: dict[str, object]
) -> None:
    assert place.new(doctype, entity).code == 0
    document = place.read(entity)
    assert document["source"]["id"] == id_
    assert document["match"]["by"] == match
    assert document["fields"] == fields
    assert document["erpnext"]["external_id"] == "syncd_shop_id"


def test_what_is_left_to_a_person_stands_in_comments(place: Place) -> None:
    place.new("Customer", "customers")
    text = (place.folder / "mappings/customers.toml").read_text()
    for comment in (
        "# unsure: whether the site's territories are countries\nterritory",
        '# email_id = { source = "email", direction = "to_source" }',
        "Child tables that nothing was found for ([tables.NAME] maps one): companies (Allowed To Transact With)",
        '"contact_id" (INTEGER): looks like a key of another table (customer_primary_contact,',
        '"created_at" (TEXT): ERPNext keeps its own stamp',
    ):
        assert comment in text
    place.new("Item", "products")
    text = (place.folder / "mappings/products.toml").read_text()
    assert '# stock_uom = { constant = "…" }  # Default Unit of Measure: the name of a UOM' in text
    place.new("Lead", "leads")
    assert "# unsure: what 'contacted' is in ERPNext" in (place.folder / "mappings/leads.toml").read_text()


@pytest.mark.parametrize(
    ("entity", "name", "fields", "what"),
    [
        ('odd "table" ключ', "odd_table", {"tax_id": "VAT Number"}, "names with quotes, blanks, line breaks, signs"),
        ("people", "people", {"customer_name": "name", "tax_id": "vat"}, "a view, which has no key"),
        ("empty", "empty", {"customer_name": "name"}, "a table without rows"),
        (
            "strange",
            "strange",
            {"customer_name": {"source": "zzz", "direction": "to_erpnext"}},
            "a table without anything alike",
        ),
    ],
)
def test_odd_tables(place: Place, entity: str, name: str, fields: dict[str, object], what: str) -> None:
    assert place.new("Customer", entity).code == 0, what
    assert {key: value for key, value in place.read(name)["fields"].items() if key in fields} == fields, what
    place("provision", "--apply")
    assert place("check", name, "--json").code == 0, what


def test_a_key_that_is_none_is_said(place: Place) -> None:
    place.new("Customer", "people")
    text = (place.folder / "mappings/people.toml").read_text()
    assert '# unsure: the table has no primary key; name the column that tells one row from another\nid = "id"' in text


def test_a_second_entity_of_one_doctype_gets_a_field_of_its_own(place: Place) -> None:
    place.new("Customer", "customers")
    place.new("Customer", "people")
    assert place.read("people")["erpnext"]["external_id"] == "syncd_shop_people_id"
    assert place("provision", "--apply").code == 0
    assert place("check", "customers", "people", "--json").code == 0


def test_no_file_is_overwritten(place: Place) -> None:
    (place.folder / "mappings").mkdir()
    file = place.folder / "mappings/customers.toml"
    place.new("Customer", "customers")
    before = file.read_text()
    called = place.new("Customer", "customers")
    assert (called.code, called.out) == (2, "")
    assert "mappings/customers.toml is there already; nothing was written" in called.err
    assert "--output FILE" in called.err
    assert file.read_text() == before


def test_output_names_another_file_or_none(place: Place) -> None:
    called = place.new("Customer", "customers", "--output", "mappings/people-of-the-shop.toml")
    assert "`syncd check people-of-the-shop`" in called.out
    text = (place.folder / "mappings/people-of-the-shop.toml").read_text()
    assert "`syncd check people-of-the-shop`" in " ".join(text.split("\n# "))
    elsewhere = place.new("Customer", "customers", "--output", "draft.toml")
    assert "wrote draft.toml" in elsewhere.out
    assert "#:schema" not in (place.folder / "draft.toml").read_text(), "nothing lies beside it"
    printed = place.new("Customer", "customers", "--output", "-")
    assert tomllib.loads(printed.out)["mapping"]["entity"] == "customers"
    assert not (place.folder / "mappings/customers.toml").exists()
    unfit = place.new("Customer", "customers", "--output", "mappings/two words.toml")
    assert unfit.code == 2
    assert "cannot be a mapping's file" in unfit.err
    nowhere = place.new("Customer", "customers", "--output", "no/such/folder.toml")
    assert nowhere.code == 2
    assert "no/such/folder.toml cannot be written" in nowhere.err


def test_the_schema_that_the_draft_names_is_there(place: Place) -> None:
    place.new("Customer", "customers")
    first = (place.folder / "mappings/customers.toml").read_text().splitlines()[0]
    named = place.folder / "mappings" / first.removeprefix("#:schema ")
    assert orjson.loads(named.read_bytes())["title"] == "mappings/NAME.toml of syncd"


def test_json_tells_what_was_paired(place: Place) -> None:
    document = place.new("Item", "products", "--json").json
    assert (document["schema"], document["mapping"], document["file"]) == (
        "syncd.mapping_new/1",
        "products",
        "mappings/products.toml",
    )
    assert {"field": "item_code", "column": "sku", "active": True, "unsure": ""} in document["fields"]
    assert (document["match"], document["unfilled"], document["left_over"]) == (
        [["item_code"]],
        ["stock_uom"],
        ["image"],
    )
    assert document["text"] == (place.folder / "mappings/products.toml").read_text()
    assert place.new("Item", "products", "--json", "--output", "-").json["file"] is None


@pytest.mark.parametrize(
    ("arguments", "said", "what"),
    [
        (("Custmer", "customers"), ("no DocType Custmer", "did you mean 'Customer'"), "a misspelt DocType"),
        (("Customer", "custmers"), ("no table 'custmers'", "did you mean 'customers'?"), "a misspelt table"),
        (("Customer", "customers", "--source", "shp"), ("no source 'shp'", "did you mean 'shop'?"), "a source"),
        (("Customer", "customers", "--site", "mian"), ("no site 'mian'", "did you mean 'main'?"), "a site"),
        (("Item Barcode", "products"), ("Item Barcode is a child table",), "a child table"),
    ],
)
def test_unknown_names_get_the_nearest(
    place: Place, arguments: tuple[str, ...], said: tuple[str, ...], what: str
) -> None:
    called = place.new(*arguments)
    assert (called.code, called.out) == (2, ""), what
    for text in said:
        assert text in called.err, what
    assert not (place.folder / "mappings").exists()


def test_several_sites_want_one_named(place: Place) -> None:
    second = f'[sites.test]\nurl = "{place.url}"\nkey = "full"\nsecret = "full"\n'
    place.settings(more=second)
    called = place.new("Customer", "customers")
    assert called.code == 2
    assert "--site main or --site test" in called.err
    assert place.new("Customer", "customers", "--site", "test").code == 0
    assert place.read("customers")["mapping"]["site"] == "test"


def test_a_user_who_may_not_list_doctypes_still_drafts(place: Place) -> None:
    place.settings(user="limited")
    assert place.new("Customer", "customers").code == 0
    called = place.new("Custmer", "suppliers")
    assert called.code == 2
    assert "no DocType Custmer" in called.err


def test_nothing_is_changed_on_either_side(place: Place, counted: Callable[[], int]) -> None:
    before = ((place.folder / "shop.db").read_bytes(), counted())
    place.new("Customer", "customers")
    assert ((place.folder / "shop.db").read_bytes(), counted()) == before
    assert not (place.folder / "state").exists(), "no state store either"


@pytest.fixture
def counted(url: str) -> Callable[[], int]:
    """How many writes the site has met."""
    import httpx

    def count() -> int:
        answer = httpx.get(f"{url}/_sandbox/log", params={"since": 0}, trust_env=False).json()
        return sum(bool(each["writes"]) for each in answer["requests"])

    return count
