from __future__ import annotations

from datetime import timedelta

import pytest

from syncd.core.model import Action, Side
from tests.cli.conftest import Syncd
from tests.cli.fakes import FakeApplication
from tests.report.fakes import RUN, STARTED, FakeStore, failure

LONG = (
    "Could not find Territory: Mars, which the site wants to be there before the customer is \x1b[2J made" + " x" * 60
)


@pytest.fixture(autouse=True)
def _failed(application: FakeApplication) -> None:
    times = {"first": STARTED, "last": STARTED + timedelta(hours=1)}
    application.state = FakeStore(
        broken=[
            failure(3, payload=b'{"name":"Shop 7","rate":2,"vat":null}', attempts=2, **times),
            failure(4, side=Side.SOURCE, external_id="7", erpnext_name="CUST-7", action=Action.UPDATE, error=LONG),
            failure(5, permanent=False, error="deadlock", hint="", mapping="item", **times),
            failure(6, ignored=True, external_id="12", error="no such group", **times),
            failure(7, external_id=None, erpnext_name="a" * 141, error="the id is too long", **times),
        ]
    )


def test_list_shows_every_failed_record(syncd: Syncd) -> None:
    called = syncd("failures", "list")
    rows = [row for row in called.out.splitlines() if row[:1].isdigit()]
    assert [row.split()[0] for row in rows] == ["3", "4", "5", "6", "7"]
    assert rows[0].split()[1:4] == ["customer", "ERPNext", "99"]
    assert "2 ×" in rows[0]
    assert STARTED.astimezone().strftime("%Y-%m-%d") in rows[0]
    assert [row.split()[-1] for row in rows] == ["parked", "parked", "retries", "ignored", "parked"]
    assert rows[1].split()[2:5] == ["source", "CUST-7", "7"]
    assert "\x1b" not in called.out
    assert "…" in called.out, "a long cause is cut"
    assert "`syncd failures show ID`" in called.out
    assert syncd("failures").out == called.out


def test_list_json(syncd: Syncd) -> None:
    document = syncd("failures", "--json").json
    assert document["schema"] == "syncd.failures/1"
    assert document["failures"][0] == {
        "id": 3,
        "mapping": "customer",
        "side": "erpnext",
        "action": "create",
        "external_id": "99",
        "erpnext_name": None,
        "permanent": True,
        "state": "parked",
        "error": "Customer Group: Comercial is not there",
        "hint": "create the group, or map the value",
        "attempts": 2,
        "first": "2026-03-01T09:30:00.000Z",
        "last": "2026-03-01T10:30:00.000Z",
        "run": RUN,
    }


def test_list_without_any_says_so(syncd: Syncd, application: FakeApplication) -> None:
    application.state = FakeStore()
    assert syncd("failures").out == "No record failed.\n"
    assert syncd("failures", "--quiet").out == ""
    assert syncd("failures", "--json").json["failures"] == []


def test_show_gives_cause_next_step_payload_and_choices(syncd: Syncd) -> None:
    out = syncd("--config", "a.toml", "failures", "show", "3").out
    for words in (
        "Failure 3 (parked), mapping customer: source 99",
        "tried        create in ERPNext",
        "cause        Customer Group: Comercial is not there",
        "next step    create the group, or map the value",
        "2 attempts so far",
        f"run          {RUN}",
        "It is not sent again until the record or the mapping changes.",
        "syncd --config a.toml failures retry 3",
        "syncd --config a.toml failures ignore 3",
    ):
        assert words in out
    table = [line.split() for line in out.splitlines() if line.startswith(("field", "name", "rate", "vat"))]
    assert table == [["field", "source", "holds"], ["name", '"Shop', '7"'], ["rate", "2"], ["vat", "(empty)"]]
    document = syncd("failures", "show", "3", "--json").json
    assert (document["schema"], document["id"]) == ("syncd.failure/1", 3)
    assert document["payload"] == {"name": "Shop 7", "rate": 2, "vat": None}


@pytest.mark.parametrize(
    ("what", "number", "words", "absent"),
    [
        ("a passing trouble needs no retry", "5", "The next run tries it again.", "failures retry 5"),
        ("an ignored one is not ignored again", "6", "counted nowhere, until the record changes", "failures ignore 6"),
        ("the whole cause, in one line", "4", "\\x1b[2J made" + " x" * 60, "\x1b"),
        ("an update in the source", "4", "tried        update in the source", "next step    \n"),
    ],
)
def test_show_fits_what_failed(what: str, number: str, words: str, absent: str, syncd: Syncd) -> None:
    out = syncd("failures", "show", number).out
    assert words in out, what
    assert absent not in out, what


@pytest.mark.parametrize(
    ("what", "arguments", "due"),
    [
        ("one", ("3",), [3]),
        ("some, each once", ("5", "3", "5"), [5, 3]),
        ("an ignored one that is named", ("6",), [6]),
        ("all but those that a person ignores", (), [3, 4, 5, 7]),
    ],
)
def test_retry_makes_failures_due(
    what: str, arguments: tuple[str, ...], due: list[int], syncd: Syncd, application: FakeApplication
) -> None:
    called = syncd("failures", "retry", *arguments)
    assert (called.code, called.err) == (0, "")
    assert application.state.due == due, what
    mappings = sorted({each.mapping for each in application.state.broken if each.id in due})
    assert f"`syncd reconcile {' '.join(mappings)}`, or the daemon" in called.out
    assert ("`syncd reconcile customer --full`" in called.out) is (7 in due), "an id is met by a full pass only"
    assert syncd("failures", "retry", *arguments, "--json").json == {
        "schema": "syncd.failures_retry/1",
        "failures": due,
    }


def test_retry_without_any_failure_says_so(syncd: Syncd, application: FakeApplication) -> None:
    application.state = FakeStore()
    assert syncd("failures", "retry").out == "No record failed.\n"


def test_ignore_leaves_one_as_it_is(syncd: Syncd, application: FakeApplication) -> None:
    called = syncd("failures", "ignore", "3")
    assert (called.code, application.state.ignored) == (0, [3])
    assert called.out == "source 99 is ignored until it changes. `syncd failures retry 3` takes that back.\n"
    document = syncd("failures", "ignore", "3", "--json").json
    assert document == {"schema": "syncd.failures_ignore/1", "failure": 3}


@pytest.mark.parametrize(
    "arguments", [("show", "99"), ("retry", "3", "99"), ("ignore", "99")], ids=lambda each: each[0]
)
def test_a_number_that_is_not_there_changes_nothing(
    arguments: tuple[str, ...], syncd: Syncd, application: FakeApplication
) -> None:
    called = syncd("failures", *arguments)
    assert called.code == 2
    assert "no failure 99 is open" in called.err
    assert "`syncd failures list`" in called.err
    assert (application.state.due, application.state.ignored) == ([], [])
