"""What a site tells a user of its own rights, and what may be concluded from it."""

from __future__ import annotations

import httpx
import pytest

from syncd.adapters.erpnext import ErpnextEndpoint, SiteClient
from syncd.adapters.erpnext.barred import Barred
from syncd.adapters.erpnext.fitting import halt_unless_listed
from syncd.adapters.erpnext.rights import Need, Right, needs_of, roles_of
from syncd.core.model import Action
from syncd.errors import HaltError, NotAllowedError, RefusedError
from tests.erpnext.helpers import FakeClock, customer_spec, mock_client
from tests.erpnext.lifecycle.invoices import invoice_spec


def test_a_user_is_shown_its_own_record_without_its_roles(limited: SiteClient, client: SiteClient) -> None:
    answer = limited.get("/api/resource/User/limited@example.com", {}, "User", ("data", dict))["data"]
    assert (answer["name"], answer["roles"]) == ("limited@example.com", []), "they are at permission level 1"
    assert roles_of(limited, "limited@example.com") is None, "not shown is not none"
    assert "Sales User" in (roles_of(client, "limited@example.com") or ())


def site(permission: dict[str, object], clock: FakeClock) -> SiteClient:
    """A site that gives one role these rights to Customer, and answers that roles alone give none."""

    def handle(request: httpx.Request) -> httpx.Response:
        method = request.url.path.rpartition("/")[2]
        told = {
            "frappe.desk.form.load.getdoctype": {"docs": [{"name": "Customer", "permissions": [permission]}]},
            "frappe.client.has_permission": {"message": {"has_permission": False}},
            "frappe.auth.get_logged_user": {"message": "sync@example.com"},
        }
        return httpx.Response(200, json=told[method])

    return mock_client(handle, clock)


def test_a_right_of_creators_bars_no_document_but_the_refused_one(clock: FakeClock) -> None:
    refused = RefusedError("x: no", code="PermissionError")
    barred = Barred(site({"role": "Sales User", "write": 1, "if_owner": 1}, clock), "Customer")
    assert barred.judged(Action.UPDATE, refused) is refused, "documents that syncd made may be written"
    barred.check(Action.UPDATE)
    assert isinstance(barred.judged(Action.DELETE, refused), NotAllowedError), "not even creators may delete"
    other = Barred(site({"role": "Sales Manager", "write": 1}, clock), "Customer")
    assert isinstance(other.judged(Action.UPDATE, refused), NotAllowedError)


@pytest.mark.parametrize(
    ("doctype", "words"),
    [("System Settings", "is a Single"), ("Sales Order Item", "is a child table: its rows are mapped under")],
)
def test_doctypes_that_are_not_listed(doctype: str, words: str, client: SiteClient) -> None:
    with pytest.raises(HaltError, match=words) as caught:
        ErpnextEndpoint(client, customer_spec(doctype=doctype, fields=(), external_id=None)).fetch(["x"])
    assert caught.value.guard == "schema"
    halt_unless_listed(client, "Customer")


def test_a_table_above_level_0_needs_the_right_to_write_there(client: SiteClient) -> None:
    setter = {"doctype_or_field": "DocField", "doc_type": "Sales Invoice", "field_name": "items"}
    setter |= {"property": "permlevel", "property_type": "Int", "value": "1"}
    client.write("POST", "/api/resource/Property Setter", setter, "the level")
    wanted = Need(doctype="Sales Invoice", right=Right.WRITE, level=1, key="tables.items")
    assert wanted in needs_of(invoice_spec(), client)
