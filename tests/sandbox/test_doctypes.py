"""The packaged DocTypes hang together."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.applications import Starlette

from syncd.adapters.sandbox import create_app
from syncd.adapters.sandbox.meta import CHILD, STANDARD, Kind, make_meta, packaged

METAS = {name: make_meta(values) for name, values in packaged().items()}
MASTERS = {
    *("Account", "Address", "Brand", "Company", "Contact", "Country", "Currency", "Customer", "Item", "Language"),
    *("Lead", "Supplier", "Territory", "ToDo", "UOM", "User"),
}


def test_the_masters_of_a_company_are_there() -> None:
    assert set(METAS) >= MASTERS
    assert {"Customer Group", "Item Group", "Supplier Group", "Cost Center", "Price List", "Item Price"} <= set(METAS)


@pytest.mark.parametrize("name", sorted(METAS))
def test_a_doctype_is_sound(name: str) -> None:
    meta = METAS[name]
    names = [item.fieldname for item in meta.fields]
    assert len(names) == len(set(names))
    assert not set(names) & {item.fieldname for item in STANDARD + CHILD}
    assert meta.istable or meta.permissions, "somebody may do something with it"
    for item in meta.fields:
        if item.fieldtype == "Link":
            assert item.options in METAS
        if item.kind is Kind.TABLE:
            assert METAS[item.options].istable
        if item.fieldtype == "Dynamic Link":
            assert item.options in meta.by_name
        if item.fetch_from:
            assert item.fetch_from.partition(".")[0] in meta.by_name
    if meta.is_tree and name != "Company":
        assert {"lft", "rgt", meta.parent_field} <= set(meta.by_name)
    if meta.autoname.startswith("field:"):
        assert meta.autoname[6:] in meta.by_name
    if meta.title_field:
        assert meta.title_field in meta.by_name


@pytest.mark.parametrize(("host", "status"), [("10.1.2.3", 403), ("127.0.0.1", 200), ("testclient", 200)])
def test_the_sandboxs_own_routes_are_for_this_machine(database: object, host: str, status: int) -> None:
    app: Starlette = create_app(str(database))

    async def ask() -> int:
        transport = httpx.ASGITransport(app, client=(host, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
            return (await client.get("/_sandbox/health")).status_code

    assert asyncio.run(ask()) == status
    app.state.site.close()
