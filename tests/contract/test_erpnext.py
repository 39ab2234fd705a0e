"""The Endpoint contract on an ERPNext site: a DocType of the sandbox, over HTTP."""

from dataclasses import replace

import httpx
import pytest

from syncd.adapters.erpnext import ErpnextEndpoint
from syncd.adapters.erpnext.provision import apply_provision, plan_provision
from syncd.core.mapping import FieldSpec, MappingSpec, TableSpec
from syncd.core.model import Side
from tests.contract.endpoint_contract import EndpointContract
from tests.contract.table_contract import TableContract
from tests.erpnext.helpers import make_client
from tests.sites import fresh_site

DOCTYPE = "Contract Record"
SPEC = MappingSpec(
    name="contract",
    file="mappings/contract.toml",
    doctype=DOCTYPE,
    source="shop",
    entity="records",
    site="main",
    fields=tuple(FieldSpec(erpnext=name, source=name) for name in ("title", "note", "amount")),
    source_id=("id",),
    external_id="syncd_shop_id",
)


class ErpnextBackend:
    side = Side.ERPNEXT
    soft_deletes = False
    compares_values = False
    fields = ("title", "note", "amount")

    def __init__(self, server):
        self.http = httpx.Client(base_url=server.url, headers={"Authorization": "token full:full"}, verify=False)
        described = {
            "name": DOCTYPE,
            "module": "Custom",
            "custom": 1,
            "autoname": "hash",
            "fields": [
                {"fieldname": "title", "label": "Title", "fieldtype": "Data", "reqd": 1},
                {"fieldname": "note", "label": "Note", "fieldtype": "Data"},
                {"fieldname": "amount", "label": "Amount", "fieldtype": "Int"},
            ],
            "permissions": [{"role": "System Manager", "read": 1, "write": 1, "create": 1, "delete": 1}],
        }
        self.call("POST", "/api/resource/DocType", described)
        self.client = make_client(server.url)
        apply_provision(self.client, plan_provision(self.client, [SPEC]))
        self.endpoint = ErpnextEndpoint(self.client, SPEC, page_size=10, run="run-1")

    def close(self):
        self.http.close()
        self.client.close()

    def call(self, method, path, body=None):
        answer = self.http.request(method, path, json=body)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def insert(self, title, note=None, amount=None, partner=None):
        values = {"title": title, "note": note, "amount": amount, "syncd_shop_id": partner}
        return self.call("POST", f"/api/resource/{DOCTYPE}", values)["data"]["name"]

    def edit(self, key, *, keep_stamp=False, **values):
        edited = {"doctype": DOCTYPE, "name": key, "values": values, "bump": not keep_stamp, "user": "Administrator"}
        self.call("POST", "/_sandbox/edit", edited)

    def delete(self, key):
        self.call("DELETE", f"/api/resource/{DOCTYPE}/{key}")

    def tie(self, keys):
        rows = self._documents()
        for key in keys:
            self.call("POST", "/_sandbox/delete", {"doctype": DOCTYPE, "name": key})
        kept = [{name: row[name] for name in ("name", *self.fields)} for row in rows if row["name"] in set(keys)]
        stamp = "2026-11-20 10:00:00.000000"
        self.call("POST", "/_sandbox/bulk_load", {"doctype": DOCTYPE, "rows": kept, "stamp": stamp})

    def titles(self):
        return sorted(row["title"] for row in self._documents())

    def _documents(self):
        query = {"doctype": DOCTYPE, "fields": ["name", *self.fields], "limit_page_length": 0, "order_by": "name asc"}
        return self.call("POST", "/api/method/frappe.client.get_list", query)["message"]


class TestErpnext(EndpointContract):
    @pytest.fixture
    def backend(self, tmp_path):
        with fresh_site(tmp_path / "sandbox.db") as server:
            made = ErpnextBackend(server)
            yield made
            made.close()


PARENT, LINE, NOTE = "Contract Order", "Contract Order Line", "Contract Order Note"


def _described(name, fields, **more):
    return {"name": name, "module": "Custom", "custom": 1, "fields": fields, **more}


def _field(name, kind="Data", **more):
    return {"fieldname": name, "label": name.title(), "fieldtype": kind, **more}


class ErpnextTables:
    side = Side.ERPNEXT
    title = "title"
    slots = fieldnames = ("items", "notes")
    at = (1, 2)
    widths = (2, 1)
    ordered = True
    lasting_names = True
    compares_values = False

    def __init__(self, server):
        self.http = httpx.Client(base_url=server.url, headers={"Authorization": "token full:full"}, verify=False)
        rights = [{"role": "System Manager", "read": 1, "write": 1, "create": 1, "delete": 1}]
        fields = [
            _field("title", reqd=1),
            _field("items", "Table", options=LINE),
            _field("notes", "Table", options=NOTE),
        ]
        for described in (
            _described(LINE, [_field("item"), _field("qty", "Int"), _field("extra")], istable=1),
            _described(NOTE, [_field("text")], istable=1),
            _described(PARENT, fields, autoname="hash", permissions=rights),
        ):
            self.call("POST", "/api/resource/DocType", described)
        lines = tuple(FieldSpec(erpnext=name, source=name) for name in ("item", "qty"))
        mapping = replace(
            SPEC,
            doctype=PARENT,
            fields=(FieldSpec(erpnext="title", source="title"),),
            tables=(
                TableSpec(erpnext="items", source="lines", fields=lines),
                TableSpec(erpnext="notes", source="notes", fields=(FieldSpec(erpnext="text", source="text"),)),
            ),
        )
        self.client = make_client(server.url)
        apply_provision(self.client, plan_provision(self.client, [mapping]))
        self.endpoint = ErpnextEndpoint(self.client, mapping, page_size=10, run="run-1")

    close = ErpnextBackend.close
    call = ErpnextBackend.call

    def insert(self, title, lines=(), notes=(), partner=None):
        values = {
            "title": title,
            "syncd_shop_id": partner,
            "items": [{"item": item, "qty": qty, "extra": "keep"} for item, qty in lines],
            "notes": [{"text": note} for note in notes],
        }
        return self.call("POST", f"/api/resource/{PARENT}", values)["data"]["name"]

    def edit_lines(self, key, lines, *, keep_stamp=False):
        assert not keep_stamp, "every edit of a document moves its stamp"
        held = self.call("GET", f"/api/resource/{PARENT}/{key}")["data"]["items"]
        new = [{"item": item, "qty": qty} for item, qty in lines]
        items = [{**(held[at] if at < len(held) else {}), **line} for at, line in enumerate(new)]
        self.call("PUT", f"/api/resource/{PARENT}/{key}", {"items": items})

    def delete(self, key):
        self.call("DELETE", f"/api/resource/{PARENT}/{key}")

    def count_rows(self):
        query = {"fields": ["name"], "limit_page_length": 0, "parent": PARENT}
        path = "/api/method/frappe.client.get_list"
        return sum(len(self.call("POST", path, {"doctype": name, **query})["message"]) for name in (LINE, NOTE))


class TestTablesInErpnext(TableContract):
    @pytest.fixture
    def backend(self, tmp_path):
        with fresh_site(tmp_path / "sandbox.db") as server:
            made = ErpnextTables(server)
            yield made
            made.close()
