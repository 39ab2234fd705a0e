"""`syncd mapping new` with what lies around a table: foreign keys, rows of related tables, nested lists, states."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from syncd.adapters.sandbox import SandboxServer
from tests.cli.test_mapping import Place

TRADE = """
CREATE TABLE buyers (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, kind TEXT, vat TEXT UNIQUE, updated_at TEXT NOT NULL
);
INSERT INTO buyers VALUES (1, 'Aster', 'company', 'DE1', '2026-01-01 10:00:00');
CREATE TABLE contacts (
    id INTEGER PRIMARY KEY, first_name TEXT NOT NULL, last_name TEXT, buyer_id INTEGER REFERENCES buyers (id),
    updated_at TEXT NOT NULL
);
INSERT INTO contacts VALUES (7, 'Nora', 'Aster', 1, '2026-01-01 10:00:00');
CREATE TABLE addresses (
    id INTEGER PRIMARY KEY, title TEXT, kind TEXT, street TEXT NOT NULL, city TEXT NOT NULL, country_code TEXT,
    zip TEXT, buyer_id INTEGER REFERENCES buyers (id), updated_at TEXT NOT NULL
);
INSERT INTO addresses VALUES (5, 'Aster', 'billing', 'Street 1', 'Berlin', 'DE', '10115', 1, '2026-01-01 10:00:00');
CREATE TABLE articles (
    sku TEXT PRIMARY KEY, title TEXT NOT NULL, description TEXT, unit TEXT, price_cents INTEGER,
    updated_at TEXT NOT NULL
);
INSERT INTO articles VALUES ('S1', 'Lamp', 'a lamp', 'Nos', 500, '2026-01-01 10:00:00');
CREATE TABLE orders (
    id INTEGER PRIMARY KEY, buyer_id INTEGER NOT NULL REFERENCES buyers (id), reference TEXT, order_date TEXT,
    delivery_date TEXT, status TEXT, updated_at TEXT NOT NULL
);
INSERT INTO orders VALUES (100, 1, 'R1', '2026-01-02', '2026-01-09', 'paid', '2026-01-02 10:00:00'),
    (101, 1, 'R2', '2026-01-02', '2026-01-09', 'pending', '2026-01-02 10:00:00'),
    (102, 1, 'R3', '2026-01-02', '2026-01-09', 'void', '2026-01-02 10:00:00'),
    (103, 1, 'R4', '2026-01-02', '2026-01-09', 'frozen', '2026-01-02 10:00:00');
CREATE TABLE order_lines (
    id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders (id), line_no INTEGER NOT NULL,
    sku TEXT REFERENCES articles (sku), quantity INTEGER, price_cents INTEGER, colour TEXT
);
INSERT INTO order_lines VALUES (1, 100, 1, 'S1', 2, 500, 'red');
CREATE TABLE order_notes (id INTEGER PRIMARY KEY, order_id INTEGER REFERENCES orders (id), written TEXT);
CREATE TABLE invoices (
    id INTEGER PRIMARY KEY, buyer_id INTEGER NOT NULL, invoice_date TEXT, due_date TEXT, positions TEXT,
    state TEXT, updated_at TEXT NOT NULL
);
INSERT INTO invoices VALUES (1, 1, '2026-02-01', '2026-02-15', '[{"sku": "S1", "qty": 2, "price": 5.5}]', 'sent',
    '2026-02-01 10:00:00');
CREATE TABLE bookings (id INTEGER PRIMARY KEY, booking_date TEXT NOT NULL, memo TEXT, updated_at TEXT NOT NULL);
INSERT INTO bookings VALUES (1, '2026-03-01', 'opening', '2026-03-01 10:00:00');
CREATE TABLE booking_entries (
    booking_id INTEGER NOT NULL REFERENCES bookings (id), pos INTEGER NOT NULL, account TEXT, debit NUMERIC,
    credit NUMERIC, PRIMARY KEY (booking_id, pos)
);
INSERT INTO booking_entries VALUES (1, 1, 'Cash - SB', 100, 0), (1, 2, 'Sales - SB', 0, 100);
CREATE TABLE groups (id INTEGER PRIMARY KEY, name TEXT NOT NULL, parent_id INTEGER REFERENCES groups (id));
"""
DOCTYPES = (
    ("Customer", "buyers"),
    ("Contact", "contacts"),
    ("Address", "addresses"),
    ("Item", "articles"),
    ("Sales Order", "orders"),
    ("Sales Invoice", "invoices"),
    ("Journal Entry", "bookings"),
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with SandboxServer(tmp_path_factory.mktemp("site") / "sandbox.db") as server:
        yield server.url


@pytest.fixture
def place(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Place:
    monkeypatch.chdir(tmp_path)
    made = Place(tmp_path, url, capfdbinary)
    with closing(sqlite3.connect(tmp_path / "shop.db")) as shop:
        shop.executescript("DROP TABLE customers; DROP TABLE suppliers; DROP TABLE products; DROP TABLE leads;")
        shop.executescript(TRADE)
    return made


def text_of(place: Place, name: str) -> str:
    return (place.folder / f"mappings/{name}.toml").read_text()


def severities(findings: list[dict[str, Any]]) -> set[str]:
    return {each["severity"] for each in findings}


def test_drafts_of_seven_doctypes_are_valid_at_once(place: Place) -> None:
    for doctype, entity in DOCTYPES:
        called = place.new(doctype, entity)
        assert (called.code, called.err) == (0, ""), doctype
    assert place("provision", "--apply").code == 0
    checked = place("check", *(entity for _, entity in DOCTYPES), "--json")
    assert (checked.code, "error" in severities(checked.json["findings"])) == (0, False)
    well = [each["mapping"] for each in checked.json["findings"] if each["severity"] == "ok"]
    assert well == sorted(entity for _, entity in DOCTYPES)


def test_a_draft_is_valid_whatever_was_drafted_before(place: Place) -> None:
    for doctype, entity in reversed(DOCTYPES):
        assert place.new(doctype, entity).code == 0
        assert place("provision", "--apply").code == 0
        assert place("check", entity, "--json").code == 0, doctype


def test_a_foreign_key_becomes_a_link_where_a_mapping_pairs_its_table(place: Place) -> None:
    place.new("Sales Order", "orders")
    before = text_of(place, "orders")
    assert 'customer = { source = "buyer_id"' not in before
    (place.folder / "mappings/orders.toml").unlink()
    place.new("Customer", "buyers")
    place.new("Item", "articles")
    place.new("Sales Order", "orders")
    document = place.read("orders")
    assert document["fields"]["customer"] == {"source": "buyer_id", "link": "buyers"}
    assert document["tables"]["items"] == {
        "rows": {"entity": "order_lines", "parent": "order_id"},
        "key": ["line_no"],
        "fields": {
            "item_code": {"source": "sku", "link": "articles"},
            "qty": "quantity",
            "rate": {"source": "price_cents", "convert": "cents"},
        },
    }
    assert '# Not paired: "colour"' in text_of(place, "orders")


def test_a_foreign_key_without_a_mapping_is_a_comment_with_the_next_step(place: Place) -> None:
    place.new("Item Price", "order_lines")
    text = text_of(place, "order_lines")
    comment = " ".join(line.removeprefix("#").strip() for line in text.splitlines())
    assert (
        "unsure: sku holds ids of articles; it can be a link once a mapping pairs that table with Item: `syncd mapping "
        "new Item --entity articles`, and its name as link"
    ) in comment
    assert '# item_code = { source = "sku", link = "articles" }' in text


def test_a_name_is_enough_where_the_database_declares_no_keys(place: Place) -> None:
    place.new("Customer", "buyers")
    place.new("Item", "articles")
    place.new("Sales Invoice", "invoices")
    document = place.read("invoices")
    assert document["fields"]["customer"] == {"source": "buyer_id", "link": "buyers"}
    assert "# unsure: only its name says that buyer_id holds ids of buyers\ncustomer" in text_of(place, "invoices")
    assert document["tables"]["items"]["source"] == "positions"
    assert document["tables"]["items"]["fields"] == {
        "item_code": {"source": "sku", "link": "articles"},
        "qty": "qty",
        "rate": "price",
    }
    assert document["fields"]["set_posting_time"] == {"constant": True}


def test_whose_an_address_is_becomes_a_dynamic_link(place: Place) -> None:
    place.new("Address", "addresses")
    assert "tables" not in place.read("addresses"), "a comment: nothing pairs the buyers yet"
    assert '# link_name = { source = "buyer_id", link = "buyers" }' in text_of(place, "addresses")
    (place.folder / "mappings/addresses.toml").unlink()
    place.new("Customer", "buyers")
    place.new("Address", "addresses")
    assert place.read("addresses")["tables"]["links"] == {
        "rows": {"entity": "addresses", "parent": "id"},
        "fields": {
            "link_doctype": {"constant": "Customer"},
            "link_name": {"source": "buyer_id", "link": "buyers"},
        },
    }
    assert "buyer_id" not in place.read("addresses")["fields"].values()


def test_states_are_proposed_for_a_person_to_decide(place: Place) -> None:
    place.new("Sales Order", "orders")
    assert "lifecycle" not in place.read("orders")
    assert (
        '# Which values of "status" mean what? With this, documents are submitted:\n'
        '# unsure: what "frozen" stands for\n'
        "# [lifecycle]\n"
        '# field = "status"\n'
        '# draft = ["pending"]\n'
        '# submitted = ["paid"]\n'
        '# cancelled = ["void"]\n'
    ) in text_of(place, "orders")
    uncommented = text_of(place, "orders").replace("# [lifecycle]", "[lifecycle]")
    for key in ("field", "draft", "submitted", "cancelled"):
        uncommented = uncommented.replace(f"\n# {key} = ", f"\n{key} = ")
    (place.folder / "mappings/orders.toml").write_text(uncommented)
    place("provision", "--apply")
    checked = place("check", "orders", "--json")
    assert checked.code == 0
    (finding,) = [each for each in checked.json["findings"] if each["where"].endswith("lifecycle.field")]
    assert "status = 'frozen' stands in no list" in finding["message"]


def test_a_voucher_with_rows_of_its_own_names(place: Place) -> None:
    place.new("Journal Entry", "bookings")
    document = place.read("bookings")
    assert document["fields"] == {"posting_date": "booking_date", "user_remark": "memo"}
    assert document["tables"]["accounts"] == {
        "rows": {"entity": "booking_entries", "parent": "booking_id"},
        "key": ["pos"],
        "fields": {
            "account": "account",
            "debit_in_account_currency": "debit",
            "credit_in_account_currency": "credit",
        },
    }


def test_a_payment_belongs_to_whom_its_key_says(place: Place) -> None:
    with closing(sqlite3.connect(place.folder / "shop.db")) as shop:
        shop.executescript(
            "CREATE TABLE payments (id INTEGER PRIMARY KEY, buyer_id INTEGER REFERENCES buyers (id), amount NUMERIC);"
        )
    place.new("Customer", "buyers")
    place.new("Payment Entry", "payments")
    fields = place.read("payments")["fields"]
    assert (fields["party_type"], fields["party"]) == (
        {"constant": "Customer"},
        {"source": "buyer_id", "link": "buyers"},
    )
    assert "# unsure: every document then belongs to a Customer\nparty_type" in text_of(place, "payments")


def test_a_tree_links_to_itself(place: Place) -> None:
    place.new("Customer Group", "groups")
    assert place.read("groups")["fields"]["parent_customer_group"] == {"source": "parent_id", "link": "groups"}


def test_json_tells_of_tables_and_links(place: Place) -> None:
    place.new("Customer", "buyers")
    document = place.new("Sales Order", "orders", "--json").json
    assert {"field": "customer", "column": "buyer_id", "link": "buyers", "active": True, "unsure": ""} in (
        document["fields"]
    )
    (table,) = document["tables"]
    assert (table["field"], table["entity"], table["key"], table["left_over"]) == (
        "items",
        "order_lines",
        ["line_no"],
        ["colour"],
    )
    assert document["states"] == "status"
    told = place.new("Sales Order", "orders", "--output", "again.toml").out
    assert "1 child table found" in told
