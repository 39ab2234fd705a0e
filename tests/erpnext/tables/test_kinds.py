"""Every kind of field in a row: what a write answers is what a later list gives, so that nothing echoes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from syncd.adapters.erpnext import ErpnextEndpoint, SiteClient
from syncd.core.model import Raw, Rows, TableRow
from tests.erpnext.tables.conftest import KINDS
from tests.erpnext.tables.orders import all_rows, held, names, one, order_spec, row_of, table, update

COLUMNS = [name for name, _ in KINDS if name != "secret_level"]
SPEC = order_spec(table("things", *COLUMNS), doctype="Customer", fields=())


@pytest.mark.parametrize(
    ("column", "sent", "stored"),
    [
        ("title", " blanks ", " blanks "),
        ("title", "", ""),
        ("note", "a < b & c > d", "a < b & c > d"),
        ("note", "<script>x</script><b>y</b>", "&lt;script&gt;x&lt;/script&gt;<b>y</b>"),
        ("story", "plain & simple", "plain &amp; simple"),
        ("choice", "A", "A"),
        ("country", "france", "France"),
        ("flag", True, 1),
        ("count", 7, 7),
        ("weight", 0.1 + 0.2, 0.3),
        ("weight", Decimal("1.123456789"), 1.123456789),
        ("price", Decimal("99999999999.25"), 99999999999.25),
        ("share", 12.5, 12.5),
        ("day", date(2027, 1, 31), "2027-01-31"),
        ("moment", datetime(2027, 1, 31, 10, 0, tzinfo=UTC), "site time"),
        ("moment", datetime.fromisoformat("2027-01-31 10:00:00.000005"), "2027-01-31 10:00:00.000005"),
        ("clock", time(7, 5, 9), "7:05:09"),
        ("span", timedelta(hours=1), 3600.0),
        ("extra", '{"a": [1, 2]}', '{"a": [1, 2]}'),
    ],
)
def test_a_row_is_answered_as_it_is_stored(client: SiteClient, column: str, sent: Raw, stored: Any) -> None:
    customers = ErpnextEndpoint(client, SPEC)
    (buyer,) = customers.fetch(["Buyer"])
    values = tuple(sent if name == column else None for name in COLUMNS)
    row = row_of(one(customers, update(buyer, {"things": Rows((TableRow(None, values),))})))
    (listed,) = customers.fetch(["Buyer"])
    assert row == listed
    assert all_rows(customers.changes(None, overlap=0))[-1] == listed
    found = held(row, SPEC, "things").rows[0].values[COLUMNS.index(column)]
    if stored == "site time":
        zone = datetime.fromisoformat(str(found)) - datetime.fromisoformat("2027-01-31 10:00:00")
        assert abs(zone) <= timedelta(hours=14)
    else:
        assert found == stored
        assert type(found) is type(stored)


def test_every_kind_survives_a_change_beside_it(client: SiteClient) -> None:
    full: dict[str, Raw] = {
        "title": " t ",
        "note": "<b>n</b>",
        "story": "<p>s</p>",
        "choice": "B",
        "country": "France",
        "flag": True,
        "count": 3,
        "weight": 0.3,
        "price": 12.345678901,
        "share": 1.5,
        "day": "2027-01-31",
        "moment": "2027-01-31 10:00:00.000005",
        "clock": "7:05:09",
        "span": 3600.5,
        "extra": '{"a":1}',
    }
    customers = ErpnextEndpoint(client, SPEC)
    (buyer,) = customers.fetch(["Buyer"])
    both = (TableRow(None, tuple(full[name] for name in COLUMNS)), TableRow(None, (None,) * len(COLUMNS)))
    row = row_of(one(customers, update(buyer, {"things": Rows(both)})))
    first, second = held(row, SPEC, "things").rows
    changed = TableRow(first.name, ("u", *first.values[1:]))
    row = row_of(one(customers, update(row, {"things": Rows((second, changed))})))
    assert names(held(row, SPEC, "things")) == [second.name, first.name]
    assert held(row, SPEC, "things").rows[1].values == changed.values
    assert held(row, SPEC, "things").rows[0] == second
    assert customers.fetch(["Buyer"]) == [row]
    document = client.get("/api/resource/Customer/Buyer", {}, "the customer")["data"]
    assert [line["kept"] for line in document["things"]] == ["by default"] * 2
