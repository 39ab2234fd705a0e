"""Create, read, update, delete of one document."""

from __future__ import annotations

import json
import re

import httpx
import pytest

from .site_client import SiteClient, data, refused, side_messages

STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}")


def test_create_answers_the_document_without_its_empty_fields(client: SiteClient) -> None:
    made = client.customer("Anna", territory="United States", unknown_key=1)
    assert made["name"] == "Anna"
    assert made["doctype"] == "Customer"
    assert made["customer_type"] == "Company"
    assert made["language"] == "en"
    assert made["disabled"] == 0
    assert made["owner"] == made["modified_by"] == "sync@example.com"
    assert STAMP.fullmatch(made["creation"])
    assert made["creation"] == made["modified"]
    assert made["sales_team"] == []
    assert "website" not in made
    assert "customer_group" not in made
    assert "unknown_key" not in made


def test_what_a_client_may_not_set_is_overwritten(client: SiteClient) -> None:
    made = client.customer("Berta", name="OTHER", owner="x@y.z", creation="2001-01-01 00:00:00", modified="2001-01-01")
    assert made["name"] == "Berta"
    assert made["owner"] == "sync@example.com"
    assert not made["creation"].startswith("2001")


def test_second_customer_of_a_name_gets_a_number_and_a_note(client: SiteClient) -> None:
    client.customer("Clara")
    answer = client.post("/api/resource/Customer", json={"customer_name": "clara"})
    assert data(answer)["name"] == "clara - 1"
    note = side_messages(answer.json())[0]
    assert note["message"] == "Changed customer name to 'clara - 1' as 'clara' already exists."
    assert client.customer("Clara")["name"] == "Clara - 2"


def test_reading_omits_null_and_lists_and_methods_keep_it(client: SiteClient) -> None:
    client.customer("Dora")
    assert "website" not in client.read("Customer", "Dora")
    assert client.rows("Customer", filters=[["name", "=", "Dora"]], fields=["website"]) == [{"website": None}]
    assert client.call("frappe.client.get", doctype="Customer", name="Dora")["website"] is None
    set_answer = client.call(
        "frappe.client.set_value", doctype="Customer", name="Dora", fieldname="website", value="https://d.example.com"
    )
    assert set_answer["website"] == "https://d.example.com"
    assert set_answer["tax_id"] is None


@pytest.mark.parametrize(
    ("values", "exc_type", "text"),
    [
        pytest.param({"customer_type": "Company"}, "MandatoryError", "]: customer_name", id="mandatory"),
        pytest.param(
            {"customer_name": "L", "territory": "Atlantis"},
            "LinkValidationError",
            "Could not find Territory: Atlantis",
            id="link",
        ),
        pytest.param(
            {"customer_name": "S", "customer_type": "Martian"},
            "ValidationError",
            'Customer Type cannot be "Martian"',
            id="choice",
        ),
        pytest.param({"customer_name": "x" * 141}, "CharacterLengthExceededError", "allowed is 140", id="length"),
        pytest.param({"customer_name": "Li", "tax_id": [1]}, "ValidationError", "cannot be a list", id="list"),
    ],
)
def test_refusals_undo_everything(client: SiteClient, values: dict, exc_type: str, text: str) -> None:
    body = refused(client.post("/api/resource/Customer", json=values), 417, exc_type)
    assert text in body["exception"]
    assert side_messages(body)[0]["message"]
    assert client.rows("Customer") == []


def test_links_are_brought_to_the_stored_spelling(client: SiteClient) -> None:
    assert client.customer("Emil", territory="united STATES")["territory"] == "United States"


def test_names_with_marks_keep_them_and_are_read_back_encoded(client: SiteClient) -> None:
    for name in ("Slash/In", "Percent%25", 'Quote\'s "dbl"', "Ünïcode 😀", "Question?#"):
        assert client.customer(name)["name"] == name
        assert client.read("Customer", name)["customer_name"] == name
    assert client.customer("  Spaced  ")["name"] == "Spaced"


def test_a_name_with_a_line_break_can_only_be_listed(client: SiteClient) -> None:
    made = client.customer("Line\nbreak")
    assert client.get(client.resource("Customer", made["name"])).status_code == 404
    assert [row["name"] for row in client.rows("Customer")] == ["Line\nbreak"]


@pytest.mark.parametrize("name", ["<i>Tag</i>", "New Customer 1", "a > b"])
def test_names_that_cannot_be(client: SiteClient, name: str) -> None:
    refused(client.post("/api/resource/Customer", json={"customer_name": name}), 409, "NameError")


def test_names_are_compared_without_case_and_accents(client: SiteClient) -> None:
    client.create("Item", item_code="CAFE", item_group="Products", stock_uom="Nos")
    answer = client.post("/api/resource/Item", json={"item_code": "Café", "item_group": "Products", "stock_uom": "Nos"})
    body = refused(answer, 409, "DuplicateEntryError")
    assert "Duplicate entry 'Café' for key 'PRIMARY'" in body["exception"]
    assert client.read("Item", "cafe")["name"] == "CAFE"


def test_put_merges_and_moves_the_stamp_even_without_a_change(client: SiteClient) -> None:
    made = client.customer("Frida", website="https://a.example.com", tax_id="1")
    first = data(client.update("Customer", "Frida", tax_id="2"))
    assert (first["website"], first["tax_id"]) == ("https://a.example.com", "2")
    second = data(client.update("Customer", "Frida"))
    assert made["modified"] < first["modified"] < second["modified"]
    assert second["creation"] == made["creation"]


def test_compare_and_set(client: SiteClient) -> None:
    made = client.customer("Gerd")
    new = data(client.update("Customer", "Gerd", tax_id="1", modified=made["modified"]))
    body = refused(
        client.update("Customer", "Gerd", tax_id="2", modified=made["modified"]), 417, "TimestampMismatchError"
    )
    assert f"({new['modified']}, " in body["exception"]
    iso = new["modified"].replace(" ", "T")
    refused(client.update("Customer", "Gerd", tax_id="2", modified=iso), 417, "TimestampMismatchError")
    assert client.read("Customer", "Gerd")["tax_id"] == "1"
    assert client.read("Customer", "Gerd")["modified"] == new["modified"], "a refused save moves no stamp"


def test_a_stamp_without_microseconds_is_read_without_them(client: SiteClient) -> None:
    client.admin("clock", freeze="2026-03-01 10:00:00")
    made = client.customer("Hans")
    assert made["modified"] == "2026-03-01 10:00:00.000000"
    assert client.read("Customer", "Hans")["modified"] == "2026-03-01 10:00:00"
    assert client.stored("Customer", "Hans", "modified") == "2026-03-01 10:00:00"
    found = client.rows("Customer", filters=[["modified", "=", "2026-03-01 10:00:00.000000"]])
    assert [row["name"] for row in found] == ["Hans"]
    refused(client.update("Customer", "Hans", modified=made["modified"]), 417, "TimestampMismatchError")
    data(client.update("Customer", "Hans", modified="2026-03-01 10:00:00"))


def test_null_and_empty_text(client: SiteClient) -> None:
    client.customer("Ida", website="https://a.example.com")
    assert data(client.update("Customer", "Ida", website=""))["website"] == ""
    assert client.stored("Customer", "Ida", "website") == ""
    assert "website" not in data(client.update("Customer", "Ida", website=None))
    assert client.stored("Customer", "Ida", "website") is None


def test_a_name_in_the_body_leads_to_the_other_document(client: SiteClient) -> None:
    client.customer("Jan")
    client.customer("Kai")
    refused(client.update("Customer", "Jan", name="Kai", tax_id="9"), 417, "TimestampMismatchError")
    refused(client.update("Customer", "Jan", name="Nobody"), 404, "DoesNotExistError")


def test_client_save_replaces_the_whole_document(client: SiteClient) -> None:
    made = client.customer("Lena", website="https://a.example.com", tax_id="1")
    refused(
        client.method("frappe.client.save", doc={"doctype": "Customer", "name": "Lena", "customer_name": "Lena"}),
        417,
        "TimestampMismatchError",
    )
    doc = {"doctype": "Customer", "name": "Lena", "customer_name": "Lena", "customer_type": "Individual", "tax_id": "2"}
    doc["naming_series"] = made["naming_series"]
    saved = client.call("frappe.client.save", doc={**doc, "modified": made["modified"]})
    assert (saved["tax_id"], saved["website"], saved["owner"]) == ("2", None, None)


def test_delete_leaves_a_trace_and_is_404_afterwards(client: SiteClient) -> None:
    client.customer("Mona", tax_id="77")
    answer = client.delete(client.resource("Customer", "Mona"))
    assert (answer.status_code, answer.json()) == (202, {"data": "ok"})
    again = client.delete(client.resource("Customer", "Mona"))
    assert again.status_code == 404
    assert again.json() == {"exc_type": "DoesNotExistError"}
    traces = client.rows(
        "Deleted Document", filters=[["deleted_name", "=", "Mona"]], fields=["deleted_doctype", "data", "restored"]
    )
    assert [(row["deleted_doctype"], row["restored"]) for row in traces] == [("Customer", 0)]
    assert json.loads(traces[0]["data"])["tax_id"] == "77"


def test_delete_is_refused_where_others_refer_to_it(client: SiteClient) -> None:
    client.customer("Nora", territory="Canada")
    body = refused(client.delete(client.resource("Territory", "Canada")), 417, "LinkExistsError")
    assert 'is linked with Customer <a href="/app/Form/Customer/Nora">Nora</a>' in side_messages(body)[0]["message"]
    assert client.read("Territory", "Canada")["name"] == "Canada"


def test_rename_rewrites_links_without_moving_their_stamps(client: SiteClient) -> None:
    before = client.customer("Olga", territory="Canada")
    old = client.read("Territory", "Canada")
    name = client.call("frappe.client.rename_doc", doctype="Territory", old_name="Canada", new_name="Northland")
    assert name == "Northland"
    after = client.read("Customer", "Olga")
    assert (after["territory"], after["modified"]) == ("Northland", before["modified"])
    renamed = client.read("Territory", "Northland")
    assert (renamed["territory_name"], renamed["modified"]) == ("Northland", old["modified"])
    assert client.get(client.resource("Territory", "Canada")).status_code == 404


def test_rename_of_a_customer_moves_its_stamp_and_its_customer_name(client: SiteClient) -> None:
    before = client.customer("Paul")
    client.call("frappe.client.rename_doc", doctype="Customer", old_name="Paul", new_name="Pauline")
    after = client.read("Customer", "Pauline")
    assert after["customer_name"] == "Pauline"
    assert after["modified"] > before["modified"]
    assert after["creation"] == before["creation"]


def test_rename_onto_a_taken_name_needs_merge(client: SiteClient) -> None:
    client.customer("Rita", territory="Canada")
    taken = {"doctype": "Territory", "old_name": "Canada", "new_name": "Mexico"}
    refused(client.method("frappe.client.rename_doc", **taken), 417, "ValidationError")
    assert client.call("frappe.client.rename_doc", **taken, merge=1) == "Mexico"
    assert client.read("Customer", "Rita")["territory"] == "Mexico"
    assert client.rows("Territory", filters={"name": "Canada"}) == []
    assert client.rows("Deleted Document", filters={"deleted_name": "Canada"})


def test_child_rows_are_replaced_with_all_their_traps(client: SiteClient) -> None:
    made = client.customer(
        "Sven",
        companies=[{"company": "Acme Inc"}],
        credit_limits=[{"company": "Acme Inc", "credit_limit": 5, "bypass_credit_limit_check": 1}],
    )
    row = made["credit_limits"][0]
    assert (row["idx"], row["parent"], row["parenttype"], row["parentfield"]) == (
        1,
        "Sven",
        "Customer",
        "credit_limits",
    )

    kept = data(client.update("Customer", "Sven", credit_limits=[{"name": row["name"], "credit_limit": 7}]))
    assert [(item["name"], item["credit_limit"]) for item in kept["credit_limits"]] == [(row["name"], 7.0)]
    stored = client.read("Customer", "Sven")
    assert "company" not in stored["credit_limits"][0], "columns left out of a kept row become null"
    assert stored["credit_limits"][0]["bypass_credit_limit_check"] == 0
    assert len(stored["companies"]) == 1, "a table that was not sent stays"

    data(client.update("Customer", "Sven", credit_limits=[{"name": "no-such-row", "credit_limit": 9}]))
    assert client.read("Customer", "Sven")["credit_limits"] == [], "a row of an unknown name is lost without a word"

    fresh = data(client.update("Customer", "Sven", credit_limits=[{"credit_limit": 1}, {"credit_limit": 2}]))
    assert [item["idx"] for item in fresh["credit_limits"]] == [1, 2]
    assert row["name"] not in {item["name"] for item in fresh["credit_limits"]}
    data(client.update("Customer", "Sven", credit_limits=[]))
    assert client.read("Customer", "Sven")["credit_limits"] == []


def test_a_row_of_another_parent_is_stolen(client: SiteClient) -> None:
    row = client.customer("Tom", credit_limits=[{"credit_limit": 1}])["credit_limits"][0]
    client.customer("Uwe")
    data(client.update("Customer", "Uwe", credit_limits=[{"name": row["name"], "credit_limit": 1}]))
    assert client.read("Customer", "Tom")["credit_limits"] == []
    assert [item["name"] for item in client.read("Customer", "Uwe")["credit_limits"]] == [row["name"]]


def test_a_customer_with_an_address_gets_a_contact_and_a_later_stamp(client: SiteClient) -> None:
    made = client.customer("Vera", email_id="vera@example.com", mobile_no="+1 555 0100")
    assert made["modified"] > made["creation"]
    assert client.read("Customer", "Vera")["modified"] == made["modified"]
    contact = client.read("Contact", made["customer_primary_contact"])
    assert (contact["email_id"], contact["mobile_no"]) == ("vera@example.com", "+1 555 0100")
    assert contact["links"][0]["link_name"] == "Vera"
    again = data(client.update("Customer", "Vera", email_id="other@example.com"))
    assert again["email_id"] == "vera@example.com", "a fetched field is overwritten by the server on every save"


def test_an_address_is_named_by_title_and_type(client: SiteClient) -> None:
    client.customer("Wilma")
    values = {
        "address_type": "Billing",
        "address_line1": "1 Main St",
        "city": "Boston",
        "country": "United States",
        "links": [{"link_doctype": "Customer", "link_name": "wilma"}],
    }
    made = client.create("Address", **values)
    assert made["name"] == "Wilma-Billing"
    assert made["links"][0]["link_name"] == "Wilma"
    assert client.create("Address", **values)["name"] == "Wilma-Billing-1"
    broken = {**values, "links": [{"link_doctype": "Customer", "link_name": "Nobody"}]}
    body = refused(client.post("/api/resource/Address", json=broken), 417, "LinkValidationError")
    assert "Row #1: Link Name: Nobody" in body["exception"]


def test_set_only_once(client: SiteClient) -> None:
    client.customer("Xaver")
    refused(client.update("Customer", "Xaver", naming_series="OTHER-.####"), 417, "CannotChangeConstantError")
    client.create("Item", item_code="Plain", item_group="Products", stock_uom="Nos", is_fixed_asset=0)
    assert client.update("Item", "Plain", item_name="Plainer").status_code == 200, "0 stays 0"
    refused(client.update("Item", "Plain", is_fixed_asset=1), 417, "CannotChangeConstantError")


def test_series_count_up_and_are_given_back(client: SiteClient) -> None:
    first = client.create("Lead", first_name="A", company_name="A")
    second = client.create("Lead", first_name="B", company_name="B")
    assert re.fullmatch(r"CRM-LEAD-\d{4}-00001", first["name"])
    assert second["name"].endswith("00002")
    data(client.delete(client.resource("Lead", second["name"])))
    assert client.create("Lead", first_name="C", company_name="C")["name"] == second["name"]


def test_errors_of_the_router_are_html(client: SiteClient, anonymous: httpx.Client) -> None:
    for answer, status in (
        (client.patch("/api/resource/Customer/x", json={}), 405),
        (client.get("/somewhere"), 404),
        (client.post("/api/resource/Customer/x?run_method=no_such", content=b""), 404),
    ):
        assert answer.status_code == status
        assert answer.headers["content-type"].startswith("text/html")
    assert anonymous.get("/api/method/ping").json() == {"message": "pong"}


def test_json_bodies_hide_the_query(client: SiteClient) -> None:
    answer = client.post("/api/method/frappe.client.get_count?doctype=Customer", json={"doctype": "Territory"})
    assert answer.json()["message"] == 14
    client.customer("Yara", tax_id="5")
    assert data(client.put("/api/resource/Customer/Yara", json={"data": {"tax_id": "6"}}))["tax_id"] == "6"
    assert (
        client.put(
            "/api/resource/Customer/Yara", content=b"{", headers={"Content-Type": "application/json"}
        ).status_code
        == 500
    )


def test_version_2(client: SiteClient) -> None:
    client.customer("Zoe")
    assert client.get("/api/v2/document/Customer/Zoe").json()["data"]["name"] == "Zoe"
    assert client.patch("/api/v2/document/Customer/Zoe", json={"tax_id": "1"}).json()["data"]["tax_id"] == "1"
    error = client.get("/api/v2/document/Customer/Nobody").json()["errors"][0]
    assert (error["type"], error["message"]) == ("DoesNotExistError", "Customer Nobody not found")
    fields = client.get("/api/v2/doctype/Customer/meta").json()["data"]["fields"]
    assert {"customer_name", "territory"} <= {item["fieldname"] for item in fields}
    assert client.get("/api/v1/resource/Customer/Zoe").json()["data"]["name"] == "Zoe"
