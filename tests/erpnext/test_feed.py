"""Feeds: keyset pages that miss nothing and read nothing twice, whatever happens between two pages."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import orjson
import pytest

from syncd.adapters.erpnext import ErpnextEndpoint, SiteClient
from syncd.adapters.erpnext.feed import look_back, read_cursor
from syncd.adapters.sandbox import SandboxServer
from syncd.adapters.sandbox.faults import FaultKind, Rule
from syncd.core.mapping import FieldSpec
from syncd.core.model import Direction
from syncd.errors import HaltError, UnreachableError
from tests.erpnext.helpers import FakeClock, customer_spec, make_client, mock_client, refusal, value

Admin = Callable[..., Any]


def load(admin: Admin, count: int, stamp: str | None = None, start: int = 0) -> list[str]:
    """Customers whose names differ in case and accents here and there, as real ones do."""
    names = [f"{('a', 'À', 'B', 'ß', 'Z')[i % 5]}{i:05d}" for i in range(start, start + count)]
    rows = [{"name": name, "customer_name": name, "syncd_shop_id": f"s{name}"} for name in names]
    admin("bulk_load", doctype="Customer", rows=rows, stamp=stamp)
    return names


def keys(endpoint: ErpnextEndpoint, cursor: str | None = None, overlap: float = 0) -> list[str]:
    return [row.key for page in endpoint.changes(cursor, overlap=overlap) for row in page.rows]


def test_ten_thousand_documents_with_one_stamp_are_read_once_each_by_pages(client: SiteClient, admin: Admin) -> None:
    names = load(admin, 10_000, stamp="2026-11-20 03:00:00.123456")
    endpoint = ErpnextEndpoint(client, customer_spec(), page_size=1000)
    sizes, seen = [], []
    for page in endpoint.changes(None, overlap=0):
        sizes.append(len(page.rows))
        seen += [row.key for row in page.rows]
    assert sizes == [1000] * 10
    assert sorted(seen) == sorted(names)
    assert sorted(row.key for page in endpoint.scan() for row in page.rows) == sorted(names)


@pytest.mark.parametrize("order", ["changes", "scan"])
def test_edits_between_pages_lose_none(endpoint: ErpnextEndpoint, admin: Admin, order: str) -> None:
    names = load(admin, 1000)
    seen: dict[str, str] = {}
    cursor = None
    edited = iter(names)
    feed = endpoint.changes(None, overlap=0) if order == "changes" else endpoint.scan()
    for number, page in enumerate(feed):
        seen |= {row.key: str(value(row, "website")) for row in page.rows}
        cursor = page.cursor
        for name in [next(edited) for _ in range(5)] if number < 10 else []:
            admin("edit", doctype="Customer", name=name, values={"website": "edited"}, user="p@example.com")
    assert len(seen) == 1000
    for page in endpoint.changes(cursor, overlap=0):
        seen |= {row.key: str(value(row, "website")) for row in page.rows}
    assert [name for name in names[:50] if seen[name] != "edited"] == []


def test_renames_and_creations_between_the_pages_of_a_scan_lose_none(endpoint: ErpnextEndpoint, admin: Admin) -> None:
    names = load(admin, 300)
    seen = []
    for number, page in enumerate(endpoint.scan()):
        seen += [row.partner for row in page.rows]
        if number == 0:
            load(admin, 10, start=900)
            admin("edit", doctype="Customer", name=names[250], values={"website": "x"})
    assert {f"s{name}" for name in names} <= set(seen)
    assert len(seen) == len(set(seen))


def test_a_scan_ends_only_at_an_empty_page(clock: FakeClock) -> None:
    """Whatever limits pages on the way: rows behind a short page are not taken for absent."""
    pages = [[1, 2, 3], [4], [5, 6], []]
    asked = []

    def handle(request: httpx.Request) -> httpx.Response:
        if "getdoctype" in request.url.path:
            return httpx.Response(200, json={"docs": [{"name": "Customer", "fields": []}]})
        asked.append(request)
        if "desc" in request.url.params["order_by"]:
            return rows([6])
        return rows(pages.pop(0))

    def rows(numbers: list[int]) -> httpx.Response:
        stamps = {"modified": "2026-01-01 00:00:00", "creation": "2026-01-01 00:00:00", "modified_by": "x"}
        return httpx.Response(200, json={"data": [{"name": str(n), **stamps} for n in numbers]})

    client = mock_client(handle, clock, zone="UTC")
    endpoint = ErpnextEndpoint(client, customer_spec(fields=(), external_id=None), page_size=3)
    assert [row.key for page in endpoint.scan() for row in page.rows] == ["1", "2", "3", "4", "5", "6"]
    assert len(asked) == 5


def test_an_incremental_feed_asks_only_for_what_moved(
    endpoint: ErpnextEndpoint, admin: Admin, clock: FakeClock
) -> None:
    clock.at = datetime.now(UTC) + timedelta(hours=1)
    load(admin, 250)
    cursor = [page.cursor for page in endpoint.changes(None, overlap=0)][-1]
    admin("edit", doctype="Customer", name="À00001", values={"website": "w"}, user="person@example.com")
    rows = [row for page in endpoint.changes(cursor, overlap=0) for row in page.rows]
    moved = {row.key: row for row in rows}
    assert "À00001" in moved
    assert len(moved) <= 2, "the edited one, and the one that the cursor stands at"
    assert (value(moved["À00001"], "website"), moved["À00001"].editor) == ("w", "person@example.com")


def test_the_overlap_finds_what_was_committed_late(endpoint: ErpnextEndpoint, admin: Admin) -> None:
    load(admin, 1, stamp="2026-11-20 10:00:00")
    cursor = [page.cursor for page in endpoint.changes(None, overlap=0)][-1]
    load(admin, 1, stamp="2026-11-20 09:55:00.5", start=50)
    assert keys(endpoint, cursor, overlap=0) == ["a00000"]
    assert keys(endpoint, cursor, overlap=600) == ["a00050", "a00000"]


def test_a_cursor_never_goes_back(endpoint: ErpnextEndpoint, admin: Admin) -> None:
    load(admin, 1, stamp="2026-11-20 10:00:00")
    load(admin, 1, stamp="2026-11-20 09:58:00", start=50)
    cursor = [page.cursor for page in endpoint.changes(None, overlap=0)][-1]
    admin("delete", doctype="Customer", name="a00000")
    again = [page.cursor for page in endpoint.changes(cursor, overlap=600)][-1]
    assert read_cursor(again) == read_cursor(cursor) == "2026-11-20 10:00:00"


def test_a_stamp_of_the_future_hides_no_later_edit(endpoint: ErpnextEndpoint, admin: Admin, clock: FakeClock) -> None:
    """A clock was wrong once: what is edited between two polls is found, however long they lie apart."""
    clock.at = datetime.now(UTC)
    load(admin, 3)
    load(admin, 1, stamp="2199-01-01 00:00:00", start=50)
    for pages in (endpoint.changes(None, overlap=0), endpoint.scan()):
        cursor = [page.cursor for page in pages][-1]
        admin("edit", doctype="Customer", name="a00000", values={"website": cursor})
        clock.at = datetime.now(UTC) + timedelta(hours=1)
        assert "a00000" in keys(endpoint, cursor, overlap=0)
        clock.at = datetime.now(UTC)


def test_a_killed_feed_goes_on_from_the_cursor_of_its_last_page(
    endpoint: ErpnextEndpoint, admin: Admin, clock: FakeClock
) -> None:
    clock.at = datetime.now(UTC) + timedelta(hours=1)
    names = load(admin, 350)
    feed = endpoint.changes(None, overlap=0)
    first = next(feed)
    feed.close()
    rest = keys(endpoint, first.cursor)
    assert {row.key for row in first.rows} | set(rest) == set(names)
    assert len(rest) <= 251


def test_nothing_there(endpoint: ErpnextEndpoint) -> None:
    assert list(endpoint.changes(None, overlap=600)) == []
    assert list(endpoint.scan()) == []


def test_filters_of_the_mapping_go_with_every_request(client: SiteClient, admin: Admin) -> None:
    load(admin, 30)
    for name in ("a00000", "À00001", "ß00003"):
        admin("edit", doctype="Customer", name=name, values={"tax_id": "in"})
    spec = customer_spec(erpnext_filters=(("tax_id", "=", "in"), ("name", "in", ("a00000", "À00001"))))
    endpoint = ErpnextEndpoint(client, spec, page_size=1)
    assert keys(endpoint) == ["a00000", "À00001"]
    assert sorted(row.key for page in endpoint.scan() for row in page.rows) == ["a00000", "À00001"]
    assert [row.key for row in endpoint.fetch(["ß00003"])] == ["ß00003"], "a fetch does not heed the filters"


def test_docstatus_is_asked_for_where_documents_can_be_submitted(client: SiteClient, server: SandboxServer) -> None:
    spec = customer_spec(doctype="Sales Invoice", external_id=None, fields=(FieldSpec(erpnext="title", source="t"),))
    assert list(ErpnextEndpoint(client, spec).changes(None, overlap=0)) == []
    assert '"docstatus"' in httpx.QueryParams(server.site.log.since()[-1].query)["fields"]


def test_the_next_page_is_asked_for_while_the_caller_works_and_no_further(client: SiteClient, admin: Admin) -> None:
    load(admin, 500)
    endpoint = ErpnextEndpoint(client, customer_spec(), page_size=100)
    endpoint.schema()
    client.user()
    before = client.requests
    feed = endpoint.changes(None, overlap=0)
    next(feed)
    settled = threading.Event()
    for _ in range(40):
        if client.requests == before + 2:
            break
        settled.wait(0.05)
    settled.wait(0.1)
    assert client.requests == before + 2
    asked = endpoint.requests
    feed.close()
    assert endpoint.requests == asked


@pytest.mark.parametrize(
    "kind", [FaultKind.DROP_BEFORE, FaultKind.TRUNCATE, FaultKind.HTML, FaultKind.DEADLOCK, FaultKind.RESET]
)
def test_a_broken_page_is_asked_for_again(
    kind: FaultKind, endpoint: ErpnextEndpoint, admin: Admin, server: SandboxServer
) -> None:
    names = load(admin, 300)
    server.site.faults.add(Rule(kind=kind, path_contains="/api/resource/Customer", skip=1, times=2))
    assert sorted(keys(endpoint)) == sorted(names)


def test_a_page_that_stays_broken_fails_the_feed(
    endpoint: ErpnextEndpoint, admin: Admin, server: SandboxServer
) -> None:
    load(admin, 300)
    server.site.faults.add(Rule(kind=FaultKind.HTML, path_contains="/api/resource/Customer", skip=2, times=-1))
    feed = endpoint.changes(None, overlap=0)
    assert [len(next(feed).rows), len(next(feed).rows)] == [100, 100]
    with pytest.raises(UnreachableError, match="instead of JSON"):
        next(feed)


def test_retry_after_of_a_real_answer_is_waited_for(
    endpoint: ErpnextEndpoint, admin: Admin, server: SandboxServer, clock: FakeClock
) -> None:
    names = load(admin, 10)
    server.site.faults.add(Rule(kind=FaultKind.STATUS, status=429, retry_after=9, path_contains="/api/resource"))
    assert sorted(keys(endpoint)) == sorted(names)
    assert clock.slept[0] == pytest.approx(9.0)


def test_a_page_that_takes_too_long_is_asked_for_in_halves(
    server: SandboxServer, admin: Admin, clock: FakeClock
) -> None:
    names = load(admin, 60)
    client = make_client(server.url, clock=clock, timeout=0.4)
    server.site.faults.add(Rule(kind=FaultKind.DELAY, seconds=1.0, path_contains="/api/resource/Customer", times=1))
    endpoint = ErpnextEndpoint(client, customer_spec(), page_size=50)
    sizes = [len(page.rows) for page in endpoint.changes(None, overlap=0)]
    assert sizes == [25, 25, 10]
    assert clock.slept == [], "it is not waited for"
    assert len(names) == sum(sizes)
    client.close()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"fields": (FieldSpec(erpnext="no_such", source="x"),)},
            "mappings/customer.toml: fields.no_such: no such field",
        ),
        ({"external_id": "syncd_other_id"}, "erpnext.external_id: no field syncd_other_id"),
        ({"erpnext_filters": (("no_such", "=", 1),)}, "Field not permitted in query: no_such"),
        ({"doctype": "Custommer"}, "has no DocType Custommer"),
    ],
)
def test_what_the_site_does_not_have_halts(client: SiteClient, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(HaltError, match=words) as caught:
        list(ErpnextEndpoint(client, customer_spec(**changes)).changes(None, overlap=0))
    assert caught.value.guard == "schema"


def test_a_mapping_that_writes_nothing_does_without_its_external_id_field(client: SiteClient, admin: Admin) -> None:
    load(admin, 1)
    spec = customer_spec(external_id="syncd_other_id", direction=Direction.TO_SOURCE)
    assert keys(ErpnextEndpoint(client, spec)) == ["a00000"]
    assert ErpnextEndpoint(client, spec).find(["sa00000"]) == []


def test_no_right_for_the_doctype(limited: SiteClient) -> None:
    spec = customer_spec(doctype="Journal Entry", external_id=None, fields=(FieldSpec(erpnext="title", source="t"),))
    with pytest.raises(UnreachableError, match=r"does not let .* read Journal Entry: .*limited@example\.com") as caught:
        list(ErpnextEndpoint(limited, spec).changes(None, overlap=0))
    assert caught.value.exit_code.value == 5


def test_a_refused_feed_is_an_error_of_the_mapping_not_of_a_record(clock: FakeClock) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        if "getdoctype" in request.url.path:
            return httpx.Response(200, json={"docs": [{"name": "Customer", "fields": []}]})
        return refusal(500, "TypeError", "unexpected")

    endpoint = ErpnextEndpoint(mock_client(handle, clock, zone="UTC"), customer_spec(fields=(), external_id=None))
    with pytest.raises(UnreachableError, match="refuses to read Customer: unexpected"):
        list(endpoint.changes(None, overlap=0))


NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("stamp", "now", "expected", "why"),
    [
        ("2026-07-01 10:00:00", "2026-07-01 14:01:00", "2026-07-01 09:50:00.000000", "summer: ten minutes"),
        ("2026-11-01 01:30:00", "2026-11-01 06:45:00", "2026-11-01 00:20:00.000000", "the hour from 1 to 2 came twice"),
        ("2026-11-01 00:30:00", "2026-11-01 07:00:00", "2026-10-31 23:20:00.000000", "it began before that hour"),
        ("2026-10-31 10:00:00", "2026-11-02 10:00:00", "2026-10-31 08:50:00.000000", "nobody edited for two days"),
        ("2026-11-02 10:00:00", "2026-11-02 20:00:00", "2026-11-02 09:50:00.000000", "the hour is over"),
        (
            "2026-03-08 01:30:00",
            "2026-03-08 12:00:00",
            "2026-03-08 01:20:00.000000",
            "an hour left out repeats nothing",
        ),
        ("2026-11-20 10:00:00.5", "2026-11-20 09:00:00", "2026-11-20 09:50:00.500000", "a site whose clock is ahead"),
    ],
)
def test_looking_back_over_a_repeated_hour(stamp: str, now: str, expected: str, why: str) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert look_back(stamp, 600, site_now=at, zone=NEW_YORK) == expected, why


def test_text_that_is_no_cursor_is_refused() -> None:
    assert read_cursor(None) is None
    with pytest.raises(ValueError, match="not a cursor"):
        read_cursor('{"name": "x"}')


def test_requests_of_a_feed_carry_keyset_conditions_and_never_an_offset(
    endpoint: ErpnextEndpoint, admin: Admin, server: SandboxServer
) -> None:
    load(admin, 150)
    endpoint.schema()
    server.site.log.reset()
    assert len(keys(endpoint)) == 150
    first, second = [httpx.QueryParams(served.query) for served in server.site.log.since()]
    assert "filters" not in first
    filters, or_filters = orjson.loads(second["filters"]), orjson.loads(second["or_filters"])
    assert [entry[:2] for entry in filters] == [["modified", ">="]]
    assert [entry[:2] for entry in or_filters] == [["modified", ">"], ["name", ">"]]
    assert second["order_by"] == "modified asc, name asc"
    assert "limit_start" not in second
    assert orjson.loads(second["fields"])[:5] == ["name", "modified", "creation", "modified_by", "syncd_shop_id"]


def test_capabilities(endpoint: ErpnextEndpoint, server: SandboxServer) -> None:
    held = endpoint.capabilities()
    assert (held.zone, held.editor, held.create_batch) == ("America/New_York", "sync@example.com", 199)
    assert held.incremental
    assert endpoint.keyed_creation()
    assert held.seen_by == f"{server.url} Customer"
