"""Creation: exactly once, all or nothing, and what became of it when nobody answered."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import httpx
import pytest

from syncd.adapters.erpnext import ErpnextEndpoint, SiteClient
from syncd.adapters.erpnext.calls import filters_for
from syncd.adapters.erpnext.operations import prune_keys
from syncd.adapters.erpnext.provision import apply_provision, plan_provision, remove_provision
from syncd.adapters.sandbox import SandboxServer
from syncd.adapters.sandbox.faults import FaultKind, Rule
from syncd.core.mapping import FieldSpec, MappingSpec
from syncd.core.model import Row
from syncd.errors import AccessError, BusyError, RefusedError, UnknownOutcomeError
from syncd.ports.endpoint import Done, Failed, WriteResult
from tests.erpnext.helpers import FakeClock, answers, creation, customer_spec, make_client, mock_client, refusal, value

INSERT = "frappe.client.insert_many"


def done(results: list[WriteResult]) -> list[Row]:
    assert all(isinstance(result, Done) for result in results), results
    return [result.row for result in results if isinstance(result, Done)]


def failed(results: list[WriteResult]) -> list[Exception]:
    assert all(isinstance(result, Failed) for result in results), results
    return [result.error for result in results if isinstance(result, Failed)]


def everybody(endpoint: ErpnextEndpoint) -> list[Row]:
    return [row for page in endpoint.scan() for row in page.rows]


@pytest.fixture
def unkeyed(client: SiteClient, spec: MappingSpec) -> ErpnextEndpoint:
    """The same site without the DocType `Syncd Operation`."""
    steps = [step for step in plan_provision(client, [spec]) if step.kind == "DocType"]
    assert [step.state.value for step in remove_provision(client, steps)] == ["removed"]
    return ErpnextEndpoint(client, spec, run="run-1")


def test_a_batch_is_created_and_read_back_in_order(endpoint: ErpnextEndpoint) -> None:
    writes = [
        creation("1", website="https://1.example", default_commission_rate=Decimal("7.25")),
        creation("2", disabled=True, tax_id=None),
        creation("3", customer_details="é 😀\r\nb"),
    ]
    rows = done(endpoint.create(writes, "op-1"))
    assert [row.partner for row in rows] == ["1", "2", "3"]
    assert [row.key for row in rows] == ["Customer 1", "Customer 2", "Customer 3"]
    assert value(rows[0], "default_commission_rate") == 7.25
    assert value(rows[1], "disabled") == 1
    assert value(rows[2], "customer_details") == "é 😀\r\nb"
    assert rows[0].editor == "sync@example.com"
    assert everybody(endpoint) == rows, "read back exactly as the feed gives them"


def test_a_full_batch_takes_two_requests(endpoint: ErpnextEndpoint) -> None:
    endpoint.capabilities()
    endpoint.keyed_creation()
    endpoint.schema()
    before = endpoint.requests
    rows = done(endpoint.create([creation(str(i)) for i in range(199)], "op-1"))
    assert len(rows) == 199
    assert endpoint.requests - before == 2


def test_the_same_operation_again_creates_nothing(endpoint: ErpnextEndpoint) -> None:
    writes = [creation(str(i)) for i in range(5)]
    first = done(endpoint.create(writes, "op-1"))
    assert done(endpoint.create(writes, "op-1")) == first
    assert len(everybody(endpoint)) == 5


@pytest.mark.parametrize("kind", [FaultKind.DROP_AFTER_COMMIT, FaultKind.TRUNCATE, FaultKind.DROP_BEFORE])
@pytest.mark.parametrize("times", [1, 3])
def test_a_lost_answer_makes_no_duplicate(
    kind: FaultKind, times: int, endpoint: ErpnextEndpoint, server: SandboxServer
) -> None:
    server.site.faults.add(Rule(kind=kind, path_contains=INSERT, times=times))
    rows = done(endpoint.create([creation(str(i)) for i in range(20)], "op-1"))
    assert [row.partner for row in rows] == [str(i) for i in range(20)]
    assert len(everybody(endpoint)) == 20


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (Rule(kind=FaultKind.STATUS, status=429, retry_after=3), "rate limit"),
        (Rule(kind=FaultKind.STATUS, status=503, retry_after=1), "maintenance"),
        (Rule(kind=FaultKind.DEADLOCK, times=2), "deadlock"),
        (Rule(kind=FaultKind.HTML), "a page in between"),
    ],
)
def test_what_passes_is_waited_for(rule: Rule, why: str, endpoint: ErpnextEndpoint, server: SandboxServer) -> None:
    rule.path_contains = INSERT
    server.site.faults.add(rule)
    assert len(done(endpoint.create([creation("1")], "op-1"))) == 1, why
    assert len(everybody(endpoint)) == 1


def test_a_refused_batch_leaves_nothing_and_says_why(endpoint: ErpnextEndpoint) -> None:
    writes = [creation("1"), creation("2", territory="Atlantis"), creation("3")]
    errors = failed(endpoint.create(writes, "op-1"))
    assert len(errors) == 3
    assert errors[0] is errors[2]
    assert isinstance(errors[0], RefusedError)
    assert errors[0].code == "LinkValidationError"
    assert "3 new documents of Customer on http://" in errors[0].message
    assert "Could not find Territory: Atlantis" in errors[0].message
    assert everybody(endpoint) == []
    alone = failed(endpoint.create(writes[1:2], "op-1b"))[0]
    assert "for shop customers “2”: the site refuses it" in str(alone)


def test_404_of_a_creation_is_a_refusal_of_its_content(server: SandboxServer, clock: FakeClock) -> None:
    """Nothing was addressed: the site looked for something else while it inserted, an account's company say."""

    class Missing(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if INSERT in request.url.path:
                return refusal(404, "DoesNotExistError", "Company None not found")
            return super().handle_request(request)

    client = make_client(server.url, clock=clock, transport=Missing())
    error = failed(ErpnextEndpoint(client, customer_spec()).create([creation("1")], "op-1"))[0]
    client.close()
    assert isinstance(error, RefusedError), "it is split off, and held up under its name"
    assert "the site refuses it: Company None not found" in error.message


def test_409_of_something_else_is_a_refusal(endpoint: ErpnextEndpoint, server: SandboxServer) -> None:
    done(endpoint.create([creation("1", tax_id="x")], "op-1"))
    error = failed(endpoint.create([creation("1", customer_name="Other")], "op-2"))[0]
    assert isinstance(error, RefusedError)
    assert error.code == "UniqueValidationError"
    assert "the value is '1'" in error.message
    name = failed(endpoint.create([creation("9", customer_name="<i>x</i>")], "op-3"))[0]
    assert isinstance(name, RefusedError)
    assert name.code == "NameError"


def test_when_no_answer_comes_the_outcome_is_unknown_and_found_later(
    endpoint: ErpnextEndpoint, server: SandboxServer
) -> None:
    server.site.faults.add(Rule(kind=FaultKind.DROP_AFTER_COMMIT, path_contains=INSERT, times=-1))
    writes = [creation("1"), creation("2")]
    error = failed(endpoint.create(writes, "op-1"))[0]
    assert isinstance(error, UnknownOutcomeError)
    server.site.faults.clear()
    found = endpoint.created(writes, "op-1")
    assert found is not None
    assert [row.partner for row in found if row] == ["1", "2"]
    assert len(everybody(endpoint)) == 2


def test_a_batch_that_was_done_but_cannot_be_read_back_stays_unknown(
    endpoint: ErpnextEndpoint, server: SandboxServer
) -> None:
    endpoint.capabilities()
    endpoint.schema()
    server.site.faults.add(Rule(kind=FaultKind.HTML, path_contains="resource/Customer", times=-1))
    error = failed(endpoint.create([creation("1")], "op-1"))[0]
    assert isinstance(error, UnknownOutcomeError)
    assert "what became of it could not be read" in error.message
    server.site.faults.clear()
    found = endpoint.created([creation("1")], "op-1")
    assert found
    assert found[0]


def test_a_creation_that_was_not_done_can_not_be_done_any_more_once_that_was_told(endpoint: ErpnextEndpoint) -> None:
    writes = [creation("1")]
    assert endpoint.created(writes, "op-1") is None
    assert endpoint.created(writes, "op-1") is None
    late = failed(endpoint.create(writes, "op-1"))[0]
    assert isinstance(late, BusyError)
    assert "was given up" in late.message
    assert everybody(endpoint) == []
    assert len(done(endpoint.create(writes, "op-2"))) == 1


def test_the_site_being_busy_leaves_open_what_became_of_it(endpoint: ErpnextEndpoint, server: SandboxServer) -> None:
    server.site.faults.add(Rule(kind=FaultKind.DEADLOCK, method="POST", path_contains="Syncd", times=-1))
    with pytest.raises(UnknownOutcomeError, match="cannot be told yet"):
        endpoint.created([creation("1")], "op-1")


def test_documents_without_an_external_id_are_found_by_their_content(client: SiteClient, server: SandboxServer) -> None:
    endpoint = ErpnextEndpoint(client, customer_spec(external_id=None))
    done(endpoint.create([creation("0", link=False, customer_name="Twin", tax_id="b")], "op-0"))
    writes = [creation(str(i), link=False, customer_name="Twin", tax_id=tax) for i, tax in enumerate("abc")]
    server.site.faults.add(Rule(kind=FaultKind.DROP_AFTER_COMMIT, path_contains=INSERT))
    rows = done(endpoint.create(writes, "op-1"))
    assert [value(row, "tax_id") for row in rows] == ["a", "b", "c"]
    assert len({row.key for row in rows}) == 3
    assert len(everybody(endpoint)) == 4


def test_without_the_doctype_a_lost_creation_is_looked_for_and_waits(
    unkeyed: ErpnextEndpoint, server: SandboxServer, clock: FakeClock
) -> None:
    assert not unkeyed.keyed_creation()
    writes = [creation("1"), creation("2")]
    server.site.faults.add(Rule(kind=FaultKind.DROP_AFTER_COMMIT, path_contains=INSERT))
    sent = clock.now()
    assert isinstance(failed(unkeyed.create(writes, "op-1"))[0], UnknownOutcomeError)
    found = unkeyed.created(writes, "op-1", sent=sent)
    assert found is not None
    assert [row.partner for row in found if row] == ["1", "2"]

    others = [creation("8")]
    with pytest.raises(UnknownOutcomeError, match="may still be working on it"):
        unkeyed.created(others, "op-2", sent=clock.now() - timedelta(seconds=149))
    with pytest.raises(UnknownOutcomeError):
        unkeyed.created(others, "op-2")
    assert unkeyed.created(others, "op-2", sent=clock.now() - timedelta(seconds=150)) is None


def test_without_the_doctype_creation_works_and_is_all_or_nothing(unkeyed: ErpnextEndpoint) -> None:
    assert [row.partner for row in done(unkeyed.create([creation("1"), creation("2")], "op-1"))] == ["1", "2"]
    failed(unkeyed.create([creation("3"), creation("4", territory="Atlantis")], "op-2"))
    assert len(everybody(unkeyed)) == 2


def test_a_creation_sent_before_the_doctype_was_made_is_found(
    unkeyed: ErpnextEndpoint, client: SiteClient, spec: MappingSpec, server: SandboxServer
) -> None:
    server.site.faults.add(Rule(kind=FaultKind.DROP_AFTER_COMMIT, path_contains=INSERT))
    failed(unkeyed.create([creation("1")], "op-1"))
    apply_provision(client, plan_provision(client, [spec]))
    found = ErpnextEndpoint(client, spec).created([creation("1")], "op-1")
    assert found
    assert found[0]


def test_names_of_all_kinds(endpoint: ErpnextEndpoint) -> None:
    names = ["Slash/In", "Per%cent%25", 'Quote\'s "dbl"', "a,b", "tab\tin", "Ünï 漢字 😀", "dot."]
    rows = done(endpoint.create([creation(str(i), customer_name=name) for i, name in enumerate(names)], "op-1"))
    assert [row.key for row in rows] == names
    assert [row.key for row in endpoint.fetch(names)] == names
    assert endpoint.fetch(["SLASH/IN", "nobody"]) == [], "compared exactly, not as the site compares"


@pytest.mark.parametrize(
    ("values", "filters", "why"),
    [
        ([], [], "nothing is asked for nothing"),
        (["a", "b", "a", ""], [[["f", "in", ["a", "b"]]]], "each once, empty ones not at all"),
        (["a", " b"], [[["f", "in", ["a"]]], [["f", "=", " b"]]], "members of `in` lose blanks at their ends"),
        (["a\n"], [[["f", "=", "a\n"]]], "line breaks too"),
        (
            [str(i) for i in range(201)],
            [[["f", "in", [str(i) for i in range(200)]]], [["f", "in", ["200"]]]],
            "200 at once",
        ),
    ],
)
def test_filters_that_find_values(values: list[str], filters: list[object], why: str) -> None:
    assert list(filters_for("f", values)) == filters, why


def test_found_by_external_id_exactly(endpoint: ErpnextEndpoint) -> None:
    ids = ["AbC", "é", " lead", "x,y", "7"]
    done(endpoint.create([creation(partner) for partner in ids], "op-1"))
    assert sorted(row.partner or "" for row in endpoint.find([*ids, "abc", "e", "", "nobody"])) == sorted(ids)
    assert endpoint.find(["abc"]) == []


def test_many_keys_go_in_several_requests(endpoint: ErpnextEndpoint) -> None:
    done(endpoint.create([creation(str(i)) for i in range(199)], "op-1"))
    done(endpoint.create([creation(str(i)) for i in range(199, 398)], "op-2"))
    before = endpoint.requests
    assert len(endpoint.find([str(i) for i in range(500)])) == 398
    assert endpoint.requests - before == 3


def test_no_right_to_make_keys_stops_with_what_to_do(clock: FakeClock) -> None:
    handle, _ = answers(
        httpx.Response(200, json={"message": {"time_zone": "UTC"}}),
        httpx.Response(200, json={"docs": [{"name": "Customer", "fields": []}]}),
        httpx.Response(200, json={"data": []}),
        refusal(403, "PermissionError", "You need the 'create' permission on Syncd Operation op-1"),
        httpx.Response(200, json={"message": "sync@example.com"}),
    )
    endpoint = ErpnextEndpoint(mock_client(handle, clock), customer_spec(fields=(), external_id=None))
    with pytest.raises(AccessError, match=r"sync@example.com may not make Syncd Operation records") as caught:
        endpoint.create([creation("1", link=False)], "op-1")
    assert "provision" in caught.value.hint


def test_a_value_that_a_new_document_did_not_take_is_named(clock: FakeClock) -> None:
    fields = [{"fieldname": "title"}, {"fieldname": "level", "permlevel": 1}, {"fieldname": "mail"}]
    stored = {
        "name": "X",
        "modified": "m",
        "creation": "c",
        "modified_by": "u",
        "title": "Acme",
        "level": "",
        "mail": None,
    }
    handle, _ = answers(
        httpx.Response(200, json={"message": {"time_zone": "UTC"}}),
        httpx.Response(200, json={"docs": [{"name": "Customer", "fields": fields}]}),
        httpx.Response(200, json={"data": []}),
        httpx.Response(200, json={"message": ["op-1", "X"]}),
        httpx.Response(200, json={"data": [stored]}),
    )
    layout = tuple(FieldSpec(erpnext=name, source=name) for name in ("title", "level", "mail"))
    endpoint = ErpnextEndpoint(mock_client(handle, clock), customer_spec(fields=layout, external_id=None))
    write = creation("1", link=False)._replace(values={"title": "ACME", "level": "gold", "mail": None})
    result = endpoint.create([write], "op-1")[0]
    assert isinstance(result, Done)
    assert result.row.key == "X"
    assert result.missed == ("level",), "a title in another case was taken, and nothing was sent for mail"


def test_old_keys_are_pruned(endpoint: ErpnextEndpoint, client: SiteClient, clock: FakeClock) -> None:
    done(endpoint.create([creation("1")], "op-1"))
    done(endpoint.create([creation("2")], "op-2"))
    assert prune_keys(client, "customer", clock.now() - timedelta(days=3650)) == 0
    assert prune_keys(client, "another", clock.now() + timedelta(days=3650)) == 0
    assert prune_keys(client, "customer", clock.now() + timedelta(days=3650)) == 2
    assert len(everybody(endpoint)) == 2
