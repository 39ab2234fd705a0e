"""Ledger entries as one record a voucher: read by pages, whole, and by nothing that the site changes by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from syncd.adapters.erpnext import GroupEndpoint, SiteClient
from syncd.adapters.sandbox import SandboxServer
from syncd.core.mapping import FieldSpec, MappingSpec, TableSpec
from syncd.core.model import Direction, Row, Rows
from syncd.errors import HaltError
from tests.sandbox.site_client import SiteClient as Site


def ledger_spec(**changes: Any) -> MappingSpec:
    """GL Entries by voucher."""
    given: dict[str, Any] = {
        "name": "ledger",
        "file": "mappings/ledger.toml",
        "doctype": "GL Entry",
        "source": "books",
        "entity": "vouchers",
        "site": "main",
        "source_id": ("id",),
        "direction": Direction.TO_SOURCE,
        "group": ("voucher_type", "voucher_no"),
        "fields": (
            FieldSpec(erpnext="voucher_no", source="number"),
            FieldSpec(erpnext="posting_date", source="dated"),
        ),
        "tables": (
            TableSpec(
                erpnext="entries",
                entity="entries",
                parent=("voucher_id",),
                fields=tuple(FieldSpec(erpnext=name, source=name) for name in ("account", "debit", "credit")),
            ),
        ),
    }
    return MappingSpec(**{**given, **changes})


@pytest.fixture
def site(server: SandboxServer) -> Iterator[Site]:
    with Site(server.url) as person:
        yield person


def load(site: Site, *entries: tuple[str, str, str, float, float], kind: str = "Journal Entry") -> None:
    """Put entries (name, voucher, account, debit, credit) into the ledger."""
    rows = [
        {
            "name": name,
            "voucher_type": kind,
            "voucher_no": voucher,
            "account": f"{account} - AI",
            "debit": debit,
            "credit": credit,
            "posting_date": "2026-03-31",
            "company": "Acme Inc",
        }
        for name, voucher, account, debit, credit in entries
    ]
    answer = site.post("/_sandbox/bulk_load", json={"doctype": "GL Entry", "rows": rows})
    assert answer.status_code == 200, answer.text


def voucher(number: int, amount: float = 10.0) -> tuple[tuple[str, str, str, float, float], ...]:
    """The two entries of a voucher."""
    name = f"JV-{number:03d}"
    return (f"{name}-a", name, "Sales", 0.0, amount), (f"{name}-b", name, "Cash", amount, 0.0)


def endpoint(client: SiteClient, page_size: int = 1000, **changes: Any) -> GroupEndpoint:
    return GroupEndpoint(client, ledger_spec(**changes), page_size=page_size)


def held(row: Row) -> tuple[Any, ...]:
    """(key, values of the record, (account, debit, credit) of its rows)"""
    *head, rows = row.values
    assert isinstance(rows, Rows)
    assert [each.name for each in rows.rows] == [str(at) for at in range(len(rows.rows))]
    return row.key, tuple(head), tuple(each.values for each in rows.rows)


@pytest.mark.parametrize("page_size", [1, 2, 3, 1000])
def test_every_voucher_is_met_once_and_whole_whatever_the_page(client: SiteClient, site: Site, page_size: int) -> None:
    load(site, *(entry for number in range(1, 8) for entry in voucher(number)))
    rows = [row for page in endpoint(client, page_size).scan() for row in page.rows]
    assert [held(row) for row in rows] == [
        (
            f"Journal Entry/JV-{number:03d}",
            (f"JV-{number:03d}", "2026-03-31"),
            (("Cash - AI", 10.0, 0.0), ("Sales - AI", 0.0, 10.0)),
        )
        for number in range(1, 8)
    ]
    assert endpoint(client).fetch([rows[2].key, "Journal Entry/none", "broken"]) == [rows[2]]
    assert {row.creation for row in rows} == {None}, "entries that are booked anew are the same voucher's"


def test_one_number_of_two_kinds_are_two_records(client: SiteClient, site: Site) -> None:
    load(site, *voucher(1))
    load(site, ("x", "JV-001", "Cash", 5.0, 0.0), kind="Stock Entry")
    [page] = endpoint(client).scan()
    assert sorted(row.key for row in page.rows) == ["Journal Entry/JV-001", "Stock Entry/JV-001"]
    assert [len(held(row)[2]) for row in sorted(page.rows)] == [2, 1]


def test_a_poll_shows_a_voucher_whole_where_one_entry_moved(client: SiteClient, site: Site) -> None:
    load(site, *voucher(1), *voucher(2))
    reader = endpoint(client)
    [page] = reader.changes(None, overlap=0.0)
    assert len(page.rows) == 2
    edit = {"doctype": "GL Entry", "name": "JV-002-a", "values": {"credit": 11.0}}
    assert site.post("/_sandbox/edit", json=edit).status_code == 200
    [later] = reader.changes(page.cursor, overlap=0.0)
    [moved] = [row for row in later.rows if row not in page.rows]
    assert held(moved)[2] == (("Cash - AI", 10.0, 0.0), ("Sales - AI", 0.0, 11.0))
    assert str(moved.stamp) > str(page.rows[1].stamp)


def test_entries_that_are_renamed_or_booked_anew_as_they_were_are_no_change(client: SiteClient, site: Site) -> None:
    load(site, *voucher(1))
    [before] = endpoint(client).fetch(["Journal Entry/JV-001"])
    for name in ("JV-001-a", "JV-001-b"):
        assert site.post("/_sandbox/delete", json={"doctype": "GL Entry", "name": name}).status_code == 200
    assert endpoint(client).fetch(["Journal Entry/JV-001"]) == []
    load(site, ("n2", "JV-001", "Cash", 10.0, 0.0), ("n1", "JV-001", "Sales", 0.0, 10.0))
    [after] = endpoint(client).fetch(["Journal Entry/JV-001"])
    assert after.values == before.values


def test_one_entry_that_fits_the_filters_brings_its_whole_voucher(client: SiteClient, site: Site) -> None:
    load(site, *voucher(1, 10.0), *voucher(2, 99.0))
    [page] = endpoint(client, erpnext_filters=(("debit", ">", 50),)).scan()
    assert [held(row)[0] for row in page.rows] == ["Journal Entry/JV-002"]
    assert len(held(page.rows[0])[2]) == 2


def test_an_entry_without_a_voucher_is_a_problem_with_a_name(client: SiteClient, site: Site) -> None:
    load(site, *voucher(1), ("lost", "", "Cash", 1.0, 0.0))
    [page] = endpoint(client).scan()
    assert len(page.rows) == 1
    assert [problem.reason for problem in page.problems] == ["voucher_no is empty: it belongs to no group"]


def test_the_schema_has_the_documents_as_rows(client: SiteClient) -> None:
    schema = endpoint(client).schema()
    assert schema.tables["entries"].fields["account"].type.name == "Link"
    assert schema.key == ("voucher_type", "voucher_no")
    with pytest.raises(HaltError, match="has no field voucher_number") as caught:
        endpoint(client, group=("voucher_number",)).schema()
    assert "erpnext.group" in caught.value.message


def test_an_empty_ledger_is_an_empty_feed(client: SiteClient) -> None:
    assert list(endpoint(client).scan()) == []
    assert list(endpoint(client).changes(None, overlap=0.0)) == []
