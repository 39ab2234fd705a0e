"""What `syncd check` finds about the site and its user, and between mappings: rights, external-id fields, doubles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from syncd.adapters.erpnext.provision import apply_provision, plan_provision
from syncd.adapters.sandbox import SandboxServer
from syncd.app.results import Severity
from tests.check.conftest import DOCTYPES, Place, key_of, new_place
from tests.erpnext.helpers import customer_spec, make_client

Post = Callable[..., Any]


@pytest.fixture
def limited(provisioned: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """The deployment with the key of a user whose only role is Sales User."""
    return new_place(provisioned.url, tmp_path, monkeypatch, user="limited")


def texts(place: Place, *names: str) -> list[tuple[str, str, str, str]]:
    found = [each for each in place.check(*names) if each.severity is not Severity.NOTE]
    return [(each.severity.value, key_of(each), each.message.replace(place.url, "URL"), each.hint) for each in found]


def missing(right: str, doctype: str, roles: str) -> tuple[str, str, str, str]:
    return (
        "error",
        "mapping.doctype",
        f"limited@example.com may not {right} {doctype} on URL",
        (
            f"give a role of that user “{right.capitalize()}” in ERPNext's Role Permissions Manager; roles that have "
            f"it: {roles}"
        ),
    )


NO_KEYS = (
    "warning",
    "mapping.site",
    (
        "limited@example.com may not read the DocType Syncd Operation on URL: a creation whose answer is lost is only "
        "looked for, and waits 150 s"
    ),
    "let a System Manager run syncd provision --apply --user limited@example.com, which gives the rights",
)


def test_a_restricted_user_is_told_each_right_and_the_roles_that_give_it(limited: Place) -> None:
    assert texts(limited, "customer") == [NO_KEYS], "a Sales User may do all that this mapping does"
    assert texts(limited, "item") == [
        NO_KEYS,
        missing("write", "Item", "Item Manager"),
        missing("create", "Item", "Item Manager"),
    ]


def test_each_action_of_the_mapping_has_its_right(limited: Place) -> None:
    limited.texts["invoice"] = (
        limited.texts["order"].replace("Sales Order", "Journal Entry").replace("[tables.items", "[tables.accounts")
    )
    limited.change("invoice", 'cancelled = ["void"]', 'cancelled = ["void"]\nchanged_after_submit = "amend"')
    lacking = [message for _, key, message, _ in texts(limited, "invoice") if key == "mapping.doctype"]
    actions = ("write", "create", "submit", "cancel", "amend", "delete")
    assert lacking[-6:] == [f"limited@example.com may not {action} Journal Entry on URL" for action in actions]
    limited.change("invoice", 'delivery_date = { source = "day", direction = "to_erpnext" }\n', "")
    limited.change("invoice", 'source = "shop"', 'source = "shop"\ndirection = "to_source"')
    lacking = [message for _, _, message, _ in texts(limited, "invoice") if " may not " in message]
    assert not any(f" may not {action} " in message for action in actions for message in lacking)


def test_a_doctype_that_may_not_be_read(limited: Place) -> None:
    limited.texts["payment"] = limited.texts["item"].replace('"Item"', '"Payment Entry"').replace("item_code", "title")
    found = texts(limited, "payment")
    assert any("limited@example.com" in message and "Payment Entry" in message for _, _, message, _ in found)
    assert "error" in {severity for severity, *_ in found}


def test_link_targets_that_may_be_neither_selected_nor_read(own: Place, post: Post, limited_key: None) -> None:
    post(
        "DocType",
        name="Secret List",
        module="Custom",
        custom=1,
        fields=[{"fieldname": "a", "fieldtype": "Data"}],
        permissions=[{"role": "Item Manager", "read": 1}],
    )
    post("Custom Field", dt="Customer", fieldname="secret", fieldtype="Link", options="Secret List")
    own.change("customer", 'tax_id = "vat"', 'tax_id = "vat"\nsecret = "born"')
    assert (
        "warning",
        "fields.secret",
        (
            "limited@example.com may neither select nor read Secret List on URL, which secret links to: whether a name "
            "is there cannot be looked up"
        ),
        (
            "give a role of that user “Select” on Secret List in ERPNext's Role Permissions Manager; roles that have "
            "it: Item Manager"
        ),
    ) in texts(own, "customer")


@pytest.fixture
def limited_key(own: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITE_KEY", "limited")


def test_a_field_at_a_permission_level(own: Place, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    post("Custom Field", dt="Customer", fieldname="rank", fieldtype="Data", permlevel=1)
    own.change("customer", 'tax_id = "vat"', 'tax_id = "vat"\nrank = "born"')
    hint = "give a role of that user “Write” at permission level 1 in ERPNext's Role Permissions Manager"
    assert (
        "error",
        "fields.rank",
        (
            "rank is at permission level 1, which sync@example.com may not write: the site drops what is sent without "
            "a word"
        ),
        hint,
    ) in texts(own, "customer")
    monkeypatch.setenv("SITE_KEY", "limited")
    assert (
        "warning",
        "fields.rank",
        "rank is at permission level 1: what limited@example.com may not write there the site drops without a word",
        hint,
    ) in texts(own, "customer"), "its roles may not be read"
    own.change("customer", 'rank = "born"', 'rank = { source = "born", direction = "to_source" }')
    assert not [message for _, _, message, _ in texts(own, "customer") if "drops" in message]


@pytest.mark.parametrize(
    ("doctype", "properties", "message"),
    [
        ("Customer", {"no_copy": 1}, "code_x is not unique: two documents may hold one id"),
        ("Customer", {"unique": 1}, "code_x is copied by Duplicate: the copy has the id"),
        ("Customer", {"unique": 1, "no_copy": 1, "length": 20}, "code_x holds 20 characters: ids may have 140"),
        ("Sales Order", {"no_copy": 1, "search_index": 1}, "code_x may not be written after submit"),
        (
            "Sales Order",
            {"no_copy": 1, "search_index": 1, "allow_on_submit": 1, "unique": 1},
            "code_x is unique: nobody can amend then",
        ),
        (
            "Sales Order",
            {"no_copy": 1, "allow_on_submit": 1},
            "code_x has no index: each look-up by id reads the whole table",
        ),
    ],
)
def test_an_external_id_field_that_is_not_as_it_must_be(
    own: Place, post: Post, doctype: str, properties: dict[str, int], message: str
) -> None:
    mapping = {"Customer": "customer", "Sales Order": "order"}[doctype]
    post("Custom Field", dt=doctype, fieldname="code_x", fieldtype="Data", **properties)
    own.change(mapping, '"syncd_shop_id"', '"code_x"')
    found = [each for each in texts(own, mapping) if each[1] == "erpnext.external_id"]
    assert found == [("warning", "erpnext.external_id", message, "run syncd provision --apply: it corrects the field")]


def test_a_fresh_site_is_told_what_it_lacks(own: Place) -> None:
    assert texts(own, "customer") == [
        (
            "error",
            "erpnext.external_id",
            "Customer has no field syncd_shop_id",
            "run syncd provision --apply: it makes the field",
        ),
        (
            "warning",
            "mapping.site",
            (
                "URL has no DocType Syncd Operation that sync@example.com may read: a creation whose answer is lost is "
                "only "
                "looked for, and waits 150 s"
            ),
            "run syncd provision --apply, which makes creations exactly-once",
        ),
    ]


def test_live_rows_are_looked_at_before_provision(own: Place) -> None:
    own.sql("UPDATE customers SET kind = 'martian' WHERE id = 2;")
    assert any("'martian' has no entry" in message for _, _, message, _ in texts(own, "customer"))


def test_two_mappings_that_write_one_field(place: Place) -> None:
    place.texts["second"] = (
        place.texts["customer"].replace('"customers"', '"people"').replace("syncd_shop", "syncd_two")
    )
    place.sql("CREATE TABLE people AS SELECT * FROM customers;")
    twice = (
        "warning",
        "fields.tax_id",
        "the mapping customer writes Customer.tax_id too: a document that both know holds what the later one wrote",
        "Let one of the two only read it, or give the mappings filters that keep their records apart.",
    )
    assert twice in texts(place)
    assert twice not in texts(place, "second"), "the other one was not asked for"
    place.change(
        "second", 'external_id = "syncd_two_id"', 'external_id = "syncd_two_id"\nfilters = [["disabled","=",0]]'
    )
    assert twice not in texts(place), "their records may be others"


def test_two_mappings_that_write_one_column(place: Place) -> None:
    place.texts["second"] = place.texts["contact"].replace('"contacts"', '"customers"').replace('"first"', '"name"')
    place.change("second", '"last"', '"erp_ref"')
    place.change("second", "syncd_shop_id", "syncd_shop_customers_id")
    assert (
        "warning",
        "fields.first_name",
        "the mapping customer writes customers.name too: a row that both know holds what the later one wrote",
        "Let one of the two only read it, or give the mappings filters that keep their records apart.",
    ) in texts(place)


def test_a_place_that_does_not_answer_is_no_mistake_of_the_mapping(place: Place) -> None:
    place.url = "http://127.0.0.1:9"
    (found,) = place.check("customer")
    assert (found.severity, found.unreachable, found.where) == (Severity.ERROR, True, "site main")


def test_the_source_is_looked_at_although_the_site_does_not_answer(place: Place) -> None:
    place.url = "http://127.0.0.1:9"
    place.change("customer", '"vat"', '"vatt"')
    place.change("customer", 'modified = "updated_at"', 'modified = "updated"')
    assert [key_of(each) for each in place.check("customer")][1:] == ["source.modified"]


def test_nothing_is_changed_on_either_side(place: Place) -> None:
    import httpx

    def writes() -> int:
        answer = httpx.get(f"{place.url}/_sandbox/log", params={"since": 0}, trust_env=False).json()
        return sum(bool(each["writes"]) for each in answer["requests"])

    before = (writes(), (place.folder / "shop.db").read_bytes())
    place.check()
    assert (writes(), (place.folder / "shop.db").read_bytes()) == before
    assert not (place.folder / "state").exists()


def test_an_empty_nested_list_is_no_mistake(place: Place) -> None:
    place.change("order", 'rows = { entity = "order_lines", parent = "order_id" }', 'source = "lines"')
    place.change("order", 'key = ["line_no"]', 'key = ["sku"]')
    place.sql("UPDATE orders SET lines = NULL;")
    assert {each[0] for each in texts(place, "order")} == set()


def test_every_doctype_is_provisioned_and_fits(own: Place) -> None:
    client = make_client(own.url)
    steps = plan_provision(client, [customer_spec(name=name, doctype=each) for name, each in DOCTYPES.items()])
    apply_provision(client, steps)
    client.close()
    assert [each for each in own.check() if each.severity is not Severity.NOTE] == []
