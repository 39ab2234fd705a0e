"""Updates, links, deletions: compare-and-set, lost answers, and what the site silently does not take."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from syncd.adapters.erpnext import ErpnextEndpoint, SiteClient
from syncd.adapters.sandbox import SandboxServer
from syncd.adapters.sandbox.faults import FaultKind, Rule
from syncd.core.mapping import FieldSpec
from syncd.core.model import Action, Row, Side, Write
from syncd.errors import (
    AccessError,
    BusyError,
    GoneError,
    LostLinkError,
    RecordError,
    RefusedError,
    StaleError,
    UnknownOutcomeError,
)
from syncd.ports.endpoint import Done, Failed, WriteResult
from tests.erpnext.helpers import (
    FakeClock,
    answers,
    change,
    creation,
    customer_spec,
    make_client,
    mock_client,
    refusal,
    value,
)

Admin = Callable[..., Any]


@pytest.fixture
def rows(endpoint: ErpnextEndpoint) -> list[Row]:
    """Ten customers."""
    made = endpoint.create([creation(str(i), website="old", tax_id="T") for i in range(10)], "op-1")
    return [result.row for result in made if isinstance(result, Done)]


class Missing(httpx.BaseTransport):
    """A site that, while it handles requests of `verb`, looks for a document that is not there."""

    def __init__(self, verb: str) -> None:
        self._verb = verb
        self._site = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == self._verb:
            return refusal(404, "DoesNotExistError", "Price List Retail not found")
        return self._site.handle_request(request)

    def close(self) -> None:
        self._site.close()


def one(endpoint: ErpnextEndpoint, write: Write) -> WriteResult:
    ((index, result),) = list(endpoint.apply([write]))
    assert index == 0
    return result


def row_of(result: WriteResult) -> Row:
    assert isinstance(result, Done), result
    return result.row


def error_of(result: WriteResult) -> RecordError:
    assert isinstance(result, Failed), result
    return result.error


def test_an_update_answers_the_row_as_the_feed_gives_it(endpoint: ErpnextEndpoint, rows: list[Row]) -> None:
    values = {"website": "new", "tax_id": None, "disabled": True, "default_commission_rate": Decimal("1.123456789")}
    row = row_of(one(endpoint, change(rows[0], values)))
    assert (value(row, "website"), value(row, "tax_id"), value(row, "disabled")) == ("new", None, 1)
    assert value(row, "default_commission_rate") == 1.123456789
    assert value(row, "customer_name") == "Customer 0", "what was not sent stays"
    assert row.stamp != rows[0].stamp
    assert row.creation == rows[0].creation
    assert endpoint.fetch([row.key]) == [row]


def test_an_answer_shows_the_document_in_memory_and_the_row_what_is_stored(
    endpoint: ErpnextEndpoint, rows: list[Row]
) -> None:
    sent = {"default_commission_rate": 0.1 + 0.2, "tax_id": 123, "customer_details": "<script>x</script>"}
    row = row_of(one(endpoint, change(rows[0], sent)))
    assert (value(row, "default_commission_rate"), value(row, "tax_id")) == (0.3, "123")
    assert endpoint.fetch([row.key]) == [row]


def test_several_updates_come_back_each_with_its_index(endpoint: ErpnextEndpoint, rows: list[Row]) -> None:
    writes = [change(row, {"website": f"w{i}"}) for i, row in enumerate(rows)]
    done = dict(endpoint.apply(writes))
    assert sorted(done) == list(range(10))
    assert [value(row_of(done[i]), "website") for i in range(10)] == [f"w{i}" for i in range(10)]


def test_of_several_with_one_stamp_one_is_done_and_the_others_are_stale(
    endpoint: ErpnextEndpoint, rows: list[Row]
) -> None:
    results = [result for _, result in endpoint.apply([change(rows[0], {"website": f"w{i}"}) for i in range(8)])]
    assert [type(result) for result in results].count(Done) == 1
    errors = [result.error for result in results if isinstance(result, Failed)]
    assert {type(error) for error in errors} == {StaleError}
    winner = next(result.row for result in results if isinstance(result, Done))
    assert endpoint.fetch([rows[0].key]) == [winner]
    assert "Customer “Customer 0”" in errors[0].message
    assert "shop customers “0”" in errors[0].message, "the record is named on both sides"


def test_an_edit_of_a_person_is_not_overwritten(endpoint: ErpnextEndpoint, rows: list[Row], admin: Admin) -> None:
    admin("edit", doctype="Customer", name=rows[0].key, values={"tax_id": "theirs"}, user="p@example.com")
    assert isinstance(error_of(one(endpoint, change(rows[0], {"website": "ours"}))), StaleError)
    assert value(endpoint.fetch([rows[0].key])[0], "website") == "old"


def test_one_bad_record_never_stops_another(endpoint: ErpnextEndpoint, rows: list[Row], admin: Admin) -> None:
    admin("delete", doctype="Customer", name=rows[2].key)
    writes = [
        change(rows[0], {"website": "a"}),
        change(rows[1], {"territory": "Atlantis"}),
        change(rows[2], {"website": "b"}),
        change(rows[3], {"website": "c"}, stamp="2001-01-01 00:00:00"),
        change(rows[4], {"website": "d"}),
    ]
    done = dict(endpoint.apply(writes))
    assert row_of(done[0])
    assert row_of(done[4])
    assert [type(error_of(done[i])) for i in (1, 2, 3)] == [LostLinkError, GoneError, StaleError]
    assert "Could not find Territory: Atlantis" in error_of(done[1]).message


def test_a_write_without_a_version_is_not_sent(endpoint: ErpnextEndpoint, rows: list[Row]) -> None:
    before = endpoint.requests
    assert isinstance(error_of(one(endpoint, change(rows[0], {"website": "x"}, stamp=None))), StaleError)
    assert endpoint.requests == before


@pytest.mark.parametrize("kind", [FaultKind.DROP_AFTER_COMMIT, FaultKind.TRUNCATE])
def test_an_update_that_was_done_without_an_answer_is_recognised(
    kind: FaultKind, endpoint: ErpnextEndpoint, rows: list[Row], server: SandboxServer
) -> None:
    endpoint.capabilities()
    server.site.faults.add(Rule(kind=kind, method="PUT"))
    server.site.log.reset()
    row = row_of(one(endpoint, change(rows[0], {"website": "new", "tax_id": None})))
    assert value(row, "website") == "new"
    assert [served.method for served in server.site.log.since()] == ["PUT", "GET"], "looked at, not sent again"


@pytest.mark.parametrize("kind", [FaultKind.DROP_BEFORE, FaultKind.RESET, FaultKind.HTML])
def test_an_update_that_was_not_done_is_sent_again_after_a_look(
    kind: FaultKind, endpoint: ErpnextEndpoint, rows: list[Row], server: SandboxServer
) -> None:
    server.site.faults.add(Rule(kind=kind, method="PUT"))
    server.site.log.reset()
    assert value(row_of(one(endpoint, change(rows[0], {"website": "new"}))), "website") == "new"
    assert [served.method for served in server.site.log.since()] == ["PUT", "GET", "PUT"]


def test_a_lost_update_on_top_of_which_somebody_else_wrote_is_stale(
    endpoint: ErpnextEndpoint, rows: list[Row], server: SandboxServer, admin: Admin
) -> None:
    endpoint.capabilities()
    admin("edit", doctype="Customer", name=rows[0].key, values={"website": "theirs"}, user="p@example.com")
    server.site.faults.add(Rule(kind=FaultKind.DROP_BEFORE, method="PUT"))
    assert isinstance(error_of(one(endpoint, change(rows[0], {"website": "new"}))), StaleError)
    assert value(endpoint.fetch([rows[0].key])[0], "website") == "theirs"


def test_when_no_answer_comes_the_outcome_is_unknown(
    endpoint: ErpnextEndpoint, rows: list[Row], server: SandboxServer
) -> None:
    server.site.faults.add(Rule(kind=FaultKind.DROP_BEFORE, method="PUT", times=-1))
    error = error_of(one(endpoint, change(rows[0], {"website": "new"})))
    assert isinstance(error, UnknownOutcomeError)
    assert "sent, but no usable answer came" in error.message


def test_a_lost_update_that_cannot_be_looked_at_is_unknown(
    endpoint: ErpnextEndpoint, rows: list[Row], server: SandboxServer
) -> None:
    server.site.faults.add(Rule(kind=FaultKind.DROP_AFTER_COMMIT, method="PUT"))
    server.site.faults.add(Rule(kind=FaultKind.HTML, method="GET", times=-1))
    assert isinstance(error_of(one(endpoint, change(rows[0], {"website": "new"}))), UnknownOutcomeError)


def test_locks_and_limits_are_waited_for(
    endpoint: ErpnextEndpoint, rows: list[Row], server: SandboxServer, clock: FakeClock
) -> None:
    server.site.faults.add(Rule(kind=FaultKind.DEADLOCK, method="PUT", times=2))
    server.site.faults.add(Rule(kind=FaultKind.STATUS, status=429, retry_after=11, method="PUT"))
    assert row_of(one(endpoint, change(rows[0], {"website": "new"})))
    assert 11 in [round(seconds) for seconds in clock.slept]
    server.site.faults.add(Rule(kind=FaultKind.DEADLOCK, method="PUT", times=-1))
    assert isinstance(error_of(one(endpoint, change(rows[1], {"website": "new"}))), BusyError)


def test_a_link_writes_the_external_id_alone(endpoint: ErpnextEndpoint, admin: Admin) -> None:
    admin("bulk_load", doctype="Customer", rows=[{"name": "Theirs", "customer_name": "Theirs"}])
    (found,) = endpoint.fetch(["Theirs"])
    assert found.partner is None
    row = row_of(one(endpoint, change(found, action=Action.LINK, partner="42", link=True)))
    assert row.partner == "42"
    assert endpoint.find(["42"]) == [row]


def test_disable(endpoint: ErpnextEndpoint, rows: list[Row]) -> None:
    row = row_of(one(endpoint, change(rows[0], action=Action.DISABLE)))
    assert value(row, "disabled") == 1
    assert isinstance(error_of(one(endpoint, change(rows[0], action=Action.DISABLE))), StaleError)


def test_disable_where_there_is_nothing_to_disable(client: SiteClient, admin: Admin) -> None:
    admin("bulk_load", doctype="Brand", rows=[{"name": "B", "brand": "B"}])
    spec = customer_spec(doctype="Brand", external_id=None, fields=(FieldSpec(erpnext="brand", source="b"),))
    brands = ErpnextEndpoint(client, spec)
    (row,) = brands.fetch(["B"])
    error = error_of(one(brands, change(row, action=Action.DISABLE)))
    assert "Brand has no field `disabled`" in error.message


def test_delete(endpoint: ErpnextEndpoint, rows: list[Row]) -> None:
    gone = row_of(one(endpoint, change(rows[0], action=Action.DELETE)))
    assert (gone.key, gone.deleted, gone.values) == (rows[0].key, True, rows[0].values)
    assert endpoint.fetch([rows[0].key]) == []
    assert isinstance(error_of(one(endpoint, change(rows[0], action=Action.DELETE))), GoneError)


def test_a_document_that_moved_is_not_deleted(endpoint: ErpnextEndpoint, rows: list[Row], admin: Admin) -> None:
    admin("edit", doctype="Customer", name=rows[0].key, values={"tax_id": "theirs"})
    assert isinstance(error_of(one(endpoint, change(rows[0], action=Action.DELETE))), StaleError)
    assert len(endpoint.fetch([rows[0].key])) == 1


@pytest.mark.parametrize("kind", [FaultKind.DROP_AFTER_COMMIT, FaultKind.DROP_BEFORE])
def test_a_deletion_without_an_answer_is_looked_at(
    kind: FaultKind, endpoint: ErpnextEndpoint, rows: list[Row], server: SandboxServer
) -> None:
    server.site.faults.add(Rule(kind=kind, method="DELETE"))
    assert row_of(one(endpoint, change(rows[0], action=Action.DELETE))).deleted
    assert endpoint.fetch([rows[0].key]) == []


@pytest.mark.parametrize("name", ["Slash/In", "50% off", 'Qu\'ote "x"', "Ünï 漢字 😀", "?#&=", "a;b,c"])
def test_documents_of_odd_names_are_reached(name: str, endpoint: ErpnextEndpoint, admin: Admin) -> None:
    admin("bulk_load", doctype="Customer", rows=[{"name": name, "customer_name": name}])
    (row,) = endpoint.fetch([name])
    updated = row_of(one(endpoint, change(row, {"website": "new"})))
    assert (updated.key, value(updated, "website")) == (name, "new")
    assert row_of(one(endpoint, change(updated, action=Action.DELETE)))
    assert endpoint.fetch([name]) == []


@pytest.mark.parametrize("name", ["tab\tin", "line\nbreak", "..", "Acme/", "/Acme"])
def test_documents_that_no_url_reaches_are_named(name: str, endpoint: ErpnextEndpoint) -> None:
    write = Write(action=Action.UPDATE, side=Side.ERPNEXT, key=name, partner="1", values={"website": "x"}, stamp="s")
    error = error_of(one(endpoint, write))
    assert isinstance(error, RefusedError)
    assert (error.code, error.hint) == ("UnreachableName", "rename it in ERPNext")


def test_a_name_that_ends_with_a_slash_never_leads_to_the_document_without_it(
    endpoint: ErpnextEndpoint, admin: Admin
) -> None:
    admin("bulk_load", doctype="Customer", rows=[{"name": name, "customer_name": name} for name in ("Acme", "Acme/")])
    (row,) = endpoint.fetch(["Acme/"])
    assert error_of(one(endpoint, change(row, action=Action.DELETE))).code == "UnreachableName"
    assert [row.key for row in endpoint.fetch(["Acme", "Acme/"])] == ["Acme", "Acme/"]


@pytest.mark.parametrize("name", ["Acme/", "/Acme", "tab\tin", "line\nbreak"])
def test_a_document_that_no_url_reaches_is_asked_for_by_a_method(
    name: str, endpoint: ErpnextEndpoint, admin: Admin
) -> None:
    admin("bulk_load", doctype="Customer", rows=[{"name": each, "customer_name": each} for each in ("Acme", name)])
    assert endpoint.fetch_singly([name]) == endpoint.fetch([name]), "404 of the router is never a deletion"
    admin("delete", doctype="Customer", name=name)
    assert endpoint.fetch_singly([name]) == []


@pytest.mark.parametrize(("verb", "action"), [("PUT", Action.UPDATE), ("DELETE", Action.DELETE)])
def test_404_for_a_document_that_is_there_is_a_refusal(
    verb: str, action: Action, rows: list[Row], server: SandboxServer, clock: FakeClock, admin: Admin
) -> None:
    client = make_client(server.url, clock=clock, transport=Missing(verb))
    endpoint = ErpnextEndpoint(client, customer_spec())
    values = {"website": "new"} if action is Action.UPDATE else {}
    error = error_of(one(endpoint, change(rows[0], values, action=action)))
    assert isinstance(error, RefusedError)
    assert error.message.endswith("the site refuses it: Price List Retail not found")
    assert "another document that is not there" in error.hint
    admin("delete", doctype="Customer", name=rows[0].key)
    assert isinstance(error_of(one(endpoint, change(rows[0], values, action=action))), GoneError)
    client.close()


@pytest.mark.parametrize("field", ["data", "cmd"])
def test_fields_that_the_site_reads_before_it_reads_a_document(
    field: str, client: SiteClient, admin: Admin, server: SandboxServer
) -> None:
    fields = [{"fieldname": field, "fieldtype": "Data"}, {"fieldname": "title", "fieldtype": "Data"}]
    rights = [{"role": "System Manager", "read": 1, "write": 1, "create": 1}]
    doctype = {"name": "Parcel", "module": "Custom", "custom": 1, "autoname": "prompt"}
    client.write("POST", "/api/resource/DocType", {**doctype, "fields": fields, "permissions": rights}, "Parcel")
    admin("bulk_load", doctype="Parcel", rows=[{"name": "P-1", field: "old", "title": "T"}])
    layout = tuple(FieldSpec(erpnext=name, source=name) for name in (field, "title"))
    endpoint = ErpnextEndpoint(client, customer_spec(doctype="Parcel", fields=layout, external_id=None))
    (row,) = endpoint.fetch(["P-1"])
    assert row_of(one(endpoint, change(row, {field: "new"}))).values == ("new", "T")


def test_refused_credentials_stop_the_rest_after_what_is_in_flight(
    endpoint: ErpnextEndpoint, rows: list[Row], server: SandboxServer
) -> None:
    server.site.faults.add(Rule(kind=FaultKind.STATUS, status=401, method="PUT", skip=3, times=-1))
    server.site.log.reset()
    results = endpoint.apply([change(row, {"website": "w"}) for row in rows])
    assert [row_of(next(results)[1]).editor for _ in range(3)] == ["sync@example.com"] * 3
    with pytest.raises(AccessError):
        next(results)
    assert len(server.site.log.since()) < 10


META = {"name": "Customer", "fields": [{"fieldname": "title"}, {"fieldname": "level", "permlevel": 2}]}
HEAD = {"name": "X", "modified": "2026-01-01 00:00:01.000000", "creation": "2026-01-01 00:00:00", "modified_by": "u"}


@pytest.mark.parametrize(
    ("sent", "answered", "missed", "why"),
    [
        ({"title": "new", "level": "gold"}, {"title": "new", "level": "old"}, "level", "kept at its permission level"),
        ({"title": "new"}, {"title": "old"}, "title", "put back by the server"),
        ({"title": "new"}, {"title": "NEW"}, "", "written in another case: taken"),
        ({"title": "a & b"}, {"title": "a &amp; b"}, "", "sanitised: taken"),
        ({"title": "new"}, {"title": "newer"}, "", "changed by the server: taken"),
        ({"title": None}, {}, "", "cleared"),
        ({"title": None}, {"title": "old"}, "title", "not cleared"),
        ({"title": "old"}, {"title": "old"}, "", "the same value"),
    ],
)
def test_a_value_that_the_site_did_not_take_is_a_failure_with_a_name(
    sent: dict[str, str], answered: dict[str, str], missed: str, why: str, clock: FakeClock
) -> None:
    handle, asked = answers(
        httpx.Response(200, json={"message": {"time_zone": "UTC"}}),
        httpx.Response(200, json={"docs": [META]}),
        httpx.Response(200, json={"data": {**HEAD, **answered}}),
        httpx.Response(200, json={"message": "sync@example.com"}),
    )
    layout = (FieldSpec(erpnext="title", source="t"), FieldSpec(erpnext="level", source="l"))
    endpoint = ErpnextEndpoint(mock_client(handle, clock), customer_spec(fields=layout, external_id=None))
    row = Row("X", "2026-01-01 00:00:00", ("old", "old"))
    result = one(endpoint, change(row, sent))
    assert asked[2].method == "PUT"
    if not missed:
        assert row_of(result).stamp == "2026-01-01 00:00:01", why
        return
    error = error_of(result)
    assert (error.code, f"did not take {missed}" in error.message) == ("NotTaken", True), why
    assert ("permission level 2" in error.message) == (missed == "level")
    assert "sync@example.com" in error.hint


def test_the_stamp_goes_out_without_zero_microseconds(clock: FakeClock) -> None:
    handle, asked = answers(
        httpx.Response(200, json={"message": {"time_zone": "UTC"}}),
        httpx.Response(200, json={"docs": [META]}),
        refusal(417, "TimestampMismatchError", "modified"),
    )
    endpoint = ErpnextEndpoint(mock_client(handle, clock), customer_spec(fields=(), external_id=None))
    one(endpoint, change(Row("X", "2026-01-01 00:00:00.000000", ()), {"title": "t"}))
    assert asked[2].content == b'{"title":"t","modified":"2026-01-01 00:00:00"}'


def test_a_document_whose_stamp_has_no_microseconds(endpoint: ErpnextEndpoint, admin: Admin) -> None:
    rows = [{"name": "Even", "customer_name": "Even"}]
    admin("bulk_load", doctype="Customer", rows=rows, stamp="2026-11-20 03:00:00.000000")
    (row,) = endpoint.fetch(["Even"])
    assert row.stamp == "2026-11-20 03:00:00"
    assert row_of(one(endpoint, change(row, {"website": "new"})))
