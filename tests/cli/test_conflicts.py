from __future__ import annotations

import orjson
import pytest

from tests.cli.conftest import Syncd
from tests.cli.fakes import FakeApplication
from tests.report.fakes import FakeStore, conflict

TWO = [
    {"field": "tax_id", "base": "DE1", "erpnext": "DE2", "source": "DE3", "reason": "both changed"},
    {"field": "email", "base": None, "erpnext": "a@x", "source": "b@x", "reason": "both set"},
]
OWN = [
    {"field": "name", "base": None, "erpnext": None, "source": "Shop 7", "reason": ""},
    {"field": "vat", "base": None, "erpnext": None, "source": None, "reason": ""},
]
"""What a record of the source without a partner holds."""


@pytest.fixture(autouse=True)
def _held(application: FakeApplication) -> None:
    application.state = FakeStore(
        held=[
            conflict(17, fields=TWO),
            conflict(18, kind="match", fields=OWN, erpnext_name=None, text="CUST-1 and CUST-2 both fit \x1b[2J"),
            conflict(19, kind="deleted", fields=[], text="deleted in the source, edited in ERPNext"),
            conflict(20, resolution=b'{"set":{"tax_id":"DE9"}}'),
            conflict(21, kind="refused", fields=[], text="linked with PAY-1"),
        ]
    )


def test_list_shows_every_held_record(syncd: Syncd) -> None:
    called = syncd("conflicts", "list")
    rows = [row for row in called.out.splitlines() if row[:1].isdigit()]
    assert [row.split()[0] for row in rows] == ["17", "18", "19", "20", "21"]
    assert "tax_id, email" in rows[0]
    assert "\\x1b[2J" in called.out
    assert "\x1b" not in called.out
    assert rows[3].endswith("set tax_id=DE9")
    assert syncd("conflicts").out == called.out
    listed = syncd("conflicts", "--json").json
    assert listed["schema"] == "syncd.conflicts/1"
    assert listed["conflicts"][0]["fields"] == TWO


def test_list_without_any_says_so(syncd: Syncd, application: FakeApplication) -> None:
    application.state = FakeStore()
    assert syncd("conflicts").out == "No record is held.\n"


def test_show_sets_base_and_both_sides_side_by_side_and_what_each_choice_does(syncd: Syncd) -> None:
    called = syncd("--config", "a.toml", "conflicts", "show", "17")
    for words in (
        "Conflict 17 (fields), mapping customer: ERPNext CUST-00042 = source 42",
        "ERPNext edited  2026-03-01 05:00:00.123456 by anna@example.com",
        "source edited   2026-03-01 09:00:00",
        "syncd --config a.toml conflicts resolve 17 --take erpnext    ERPNext's tax_id, email goes to the source",
        "syncd --config a.toml conflicts resolve 17 --take source     the source's tax_id, email goes to ERPNext",
        "conflicts resolve 17 --set tax_id=VALUE --set email=VALUE    your value goes to both sides",
    ):
        assert words in called.out
    row = next(line for line in called.out.splitlines() if line.startswith("tax_id"))
    assert row.split()[:4] == ["tax_id", '"DE1"', '"DE2"', '"DE3"']
    assert syncd("conflicts", "show", "17", "--json").json["schema"] == "syncd.conflict/1"


def test_show_of_a_match_shows_what_the_record_itself_holds(syncd: Syncd) -> None:
    lines = syncd("conflicts", "show", "18").out.splitlines()
    assert [line.split() for line in lines if line.startswith(("field", "name", "vat"))] == [
        ["field", "source"],
        ["name", '"Shop', '7"'],
        ["vat", "(empty)"],
    ]
    assert any("CUST-1 and CUST-2 both fit" in line for line in lines), "the candidates"
    assert not any("last agreement" in line for line in lines)


@pytest.mark.parametrize(
    ("what", "number", "words"),
    [
        ("a match", "18", "put the id of the right partner into the record; the next run looks again"),
        ("a deletion", "19", "conflicts resolve 19 --take erpnext"),
        ("a decision", "20", "decided         set tax_id=DE9; the next run carries it out"),
        ("a refusal", "21", "correct what was refused"),
    ],
)
def test_show_says_what_a_person_can_do(what: str, number: str, words: str, syncd: Syncd) -> None:
    assert words in syncd("conflicts", "show", number).out, what


@pytest.mark.parametrize(
    ("what", "arguments", "resolution"),
    [
        ("one side", ("17", "--take", "erpnext"), {"take": "erpnext"}),
        ("the other side", ("17", "--take", "source"), {"take": "source"}),
        (
            "own values, with = in one and none in the other",
            ("17", "--set", "tax_id=a=b", "--set", "email="),
            {"set": {"tax_id": "a=b", "email": None}},
        ),
        ("a deletion", ("19", "--take", "source"), {"take": "source"}),
        ("another decision than before", ("20", "--take", "source"), {"take": "source"}),
    ],
)
def test_resolve_notes_the_decision(
    what: str, arguments: tuple[str, ...], resolution: object, syncd: Syncd, application: FakeApplication
) -> None:
    called = syncd("conflicts", "resolve", *arguments)
    assert called.code == 0, called.err
    assert {key: orjson.loads(value) for key, value in application.state.resolved.items()} == {
        int(arguments[0]): resolution
    }, what
    assert "The next run carries it out: `syncd reconcile customer`" in called.out
    assert syncd("conflicts", "resolve", *arguments, "--json").json["resolution"] == resolution


@pytest.mark.parametrize(
    ("what", "arguments", "words"),
    [
        ("no such conflict", ("99", "--take", "source"), "no conflict 99 is open"),
        ("no decision", ("17",), "needs one decision: either --take or --set"),
        ("two decisions", ("17", "--take", "source", "--set", "tax_id=1"), "needs one decision"),
        ("no value", ("17", "--set", "tax_id"), "there is no `=`"),
        ("a misspelt field", ("17", "--set", "taxid=1"), "did you mean tax_id?"),
        ("another field", ("17", "--set", "zzzzzzzzz=1"), "fields in conflict: tax_id, email"),
        ("a field is left open", ("17", "--set", "tax_id=1"), "give each of them: --set email=VALUE"),
        ("a match has no value", ("18", "--take", "source"), "the next run looks again"),
        ("a refusal has no value", ("21", "--take", "source"), "correct what was refused"),
        ("a deletion has no value", ("19", "--set", "tax_id=1"), "is decided by --take only"),
    ],
)
def test_resolve_refuses_what_it_cannot_carry_out(
    what: str, arguments: tuple[str, ...], words: str, syncd: Syncd, application: FakeApplication
) -> None:
    called = syncd("conflicts", "resolve", *arguments)
    assert called.code == 2
    assert words in called.err, what
    assert application.state.resolved == {}
