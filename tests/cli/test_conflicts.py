from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest

from syncd.app.waiting import Surroundings, WaitingField
from syncd.core.model import Side
from syncd.errors import UnreachableError
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
    lines = called.out.splitlines()
    for words in (
        "Conflict 17 (fields), mapping customer: ERPNext CUST-00042 = source 42",
        "ERPNext edited  2026-03-01 05:00:00.123456 (that side's own time) by anna@example.com",
        "source edited   2026-03-01 09:00:00",
        "held since      ",
    ):
        assert words in called.out
    row = next(line for line in lines if line.startswith("tax_id"))
    assert row.split()[:4] == ["tax_id", '"DE1"', '"DE2"', '"DE3"']
    at = next(n for n, line in enumerate(lines) if "syncd --config a.toml conflicts resolve 17 --take erpnext" in line)
    assert lines[at + 1 : at + 3] == [
        '      writes into the source: tax_id "DE3" → "DE2"',
        '      writes into the source: email "b@x" → "a@x"',
    ]
    assert "conflicts resolve 17 --take source" in lines[at + 3]
    assert lines[at + 4].strip() == 'writes into ERPNext: tax_id "DE2" → "DE3"'
    assert "conflicts resolve 17 --set tax_id=VALUE --set email=VALUE" in lines[at + 6]


def test_show_as_json_has_the_mark_the_choices_and_the_decision(syncd: Syncd) -> None:
    shown = syncd("conflicts", "show", "17", "--json").json
    assert shown["schema"] == "syncd.conflict/1"
    assert len(shown["shown"]) == 12
    assert shown["decision"] is None
    assert shown["choices"][0] == {
        "take": "erpnext",
        "writes": [
            {"side": "source", "field": "tax_id", "old": "DE3", "new": "DE2"},
            {"side": "source", "field": "email", "old": "b@x", "new": "a@x"},
        ],
    }
    assert syncd("conflicts", "show", "20", "--json").json["decision"] == {"text": "set tax_id=DE9", "moved": False}
    assert syncd("conflicts", "show", "18", "--json").json["choices"] == []


def test_stamps_are_shown_with_their_offsets_and_which_is_later(syncd: Syncd, application: FakeApplication) -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    application.state.held = [
        conflict(
            1,
            erpnext_stamp=datetime(2026, 3, 1, 12, 0, tzinfo=east),
            source_stamp=datetime(2026, 3, 1, 7, 0, tzinfo=UTC),
        )
    ]
    out = syncd("conflicts", "show", "1").out
    assert "ERPNext edited  2026-03-01 12:00:00+05:30 by anna@example.com" in out
    assert "source edited   2026-03-01 07:00:00+00:00" in out
    assert "later           the source's, by 30 min" in out


def test_show_tells_what_waits_besides_and_what_flows_one_way_only(syncd: Syncd, application: FakeApplication) -> None:
    application.around = Surroundings(
        waiting=(WaitingField(field="phone", side=Side.SOURCE, base="1", value="2"),),
        one_way={"tax_id": Side.ERPNEXT},
    )
    out = syncd("conflicts", "show", "17").out
    assert 'phone: "1" → "2" in the source, goes to ERPNext' in out
    assert "writes into the source: tax_id" not in out
    assert "leaves as they are on both sides: tax_id" in out
    shown = syncd("conflicts", "show", "17", "--json").json
    assert shown["waiting"] == [{"field": "phone", "changed_in": "source", "base": "1", "value": "2"}]


@pytest.mark.parametrize(
    ("what", "fields", "kept", "carried_out"),
    [
        (
            "edited in ERPNext",
            [{"field": "name", "base": "A", "erpnext": "B", "source": None, "reason": ""}],
            "keeps the edited record in ERPNext",
            "the record in ERPNext goes, edits and all",
        ),
        (
            "edited in the source",
            [{"field": "name", "base": "A", "erpnext": None, "source": "B", "reason": ""}],
            "keeps the edited record in the source",
            "the record in the source goes, edits and all",
        ),
        ("nothing was agreed", [], "gone there, the mapping's [delete] policy", "still there, it is kept"),
    ],
)
def test_show_of_a_deletion_says_what_becomes_of_the_record(
    what: str, fields: object, kept: str, carried_out: str, syncd: Syncd, application: FakeApplication
) -> None:
    application.state.held = [conflict(1, kind="deleted", fields=fields)]
    out = syncd("conflicts", "show", "1").out
    assert kept in out, what
    assert carried_out in out, what


def test_a_decision_on_a_record_that_moved_is_told(syncd: Syncd, application: FakeApplication) -> None:
    application.state.held = [conflict(1, resolution=b'{"moved":{"take":"source"}}')]
    assert "take source: not carried out, decide again" in " ".join(syncd("conflicts").out.split())
    assert "take source; not carried out, since the record moved: decide again" in syncd("conflicts", "show", "1").out


def test_a_kind_that_is_not_known_here_is_shown_by_its_text(syncd: Syncd, application: FakeApplication) -> None:
    application.state.held = [
        conflict(1, kind="of a later version", fields=[], text="it links to customer 7, which is held")
    ]
    out = syncd("conflicts", "show", "1").out
    assert "it links to customer 7, which is held" in out
    assert "What to do: make both sides fit; the next run looks again." in out
    assert syncd("conflicts", "resolve", "1", "--take", "source").code == 2


def test_show_of_a_match_shows_what_the_record_itself_holds(syncd: Syncd) -> None:
    lines = syncd("conflicts", "show", "18").out.splitlines()
    assert [line.split() for line in lines if line.startswith(("field", "name", "vat"))] == [
        ["field", "source"],
        ["name", '"Shop', '7"'],
        ["vat", "(empty)"],
    ]
    assert any("CUST-1 and CUST-2 both fit" in line for line in lines), "the candidates"
    assert not any("last agreement" in line for line in lines)


def test_a_transition_is_decided_by_taking_a_side(syncd: Syncd, application: FakeApplication) -> None:
    state = {"field": "status", "base": "submitted", "erpnext": "cancelled", "source": "paid", "reason": ""}
    told = {"erpnext": "the document stays cancelled", "source": "the cancelled document is amended"}
    application.state.held = [
        conflict(1, kind="transition", fields=[state], text="cancelled here, changed there"),
        conflict(3, kind="transition", fields=[{**state, "outcomes": told}], text="cancelled here, changed there"),
        conflict(2, kind="transition", fields=[state], text="refused at creation", pair=None),
    ]
    out = syncd("conflicts", "show", "1").out
    assert "what ERPNext shows counts, the document's state included" in out
    assert "writes into" not in out, "the source's word is not ERPNext's"
    assert "--set" not in out
    lines = [line.strip() for line in syncd("conflicts", "show", "3").out.splitlines()]
    takes = [lines[at + 1] for at, line in enumerate(lines) if "--take" in line]
    assert takes == [told["erpnext"], told["source"]], "what becomes of the document, as it was told"
    choices = syncd("conflicts", "show", "3", "--json").json["choices"]
    assert choices == [{"take": take, "outcome": outcome} for take, outcome in told.items()]
    assert syncd("conflicts", "resolve", "1", "--set", "status=paid").code == 2
    assert syncd("conflicts", "resolve", "1", "--take", "source").code == 0
    assert application.state.resolved == {1: b'{"take":"source"}'}
    called = syncd("conflicts", "resolve", "2", "--take", "source")
    assert (called.code, "cannot be decided by a value" in called.err) == (2, True), "there is no document yet"


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
    document = syncd("conflicts", "resolve", *arguments, "--json").json
    assert (document["schema"], document["left"]) == ("syncd.resolutions/1", [])
    assert document["resolved"] == [{"conflict": int(arguments[0]), "mapping": "customer", "resolution": resolution}]


def test_resolve_says_what_it_decides(syncd: Syncd) -> None:
    out = syncd("conflicts", "resolve", "17", "--take", "source").out
    assert '17  ERPNext CUST-00042 = source 42: ERPNext gets tax_id "DE3", email "b@x"' in out
    out = syncd("conflicts", "resolve", "17", "--set", "tax_id=X", "--set", "email=").out
    assert 'both sides get tax_id "X", email (empty)' in out


def test_several_are_resolved_together_or_not_at_all(syncd: Syncd, application: FakeApplication) -> None:
    called = syncd("conflicts", "resolve", "17", "99", "21", "--take", "source")
    assert called.code == 2
    assert "2 of these decisions cannot be noted, so none is" in called.err
    for words in ("no conflict 99 is open", "conflict 21 (refused) cannot be decided by a value"):
        assert words in called.err
    assert application.state.resolved == {}
    assert syncd("conflicts", "resolve", "17", "19", "17", "--take", "source").code == 0
    assert sorted(application.state.resolved) == [17, 19]


def test_a_decision_on_what_is_not_shown_any_more_is_refused(syncd: Syncd, application: FakeApplication) -> None:
    mark = syncd("conflicts", "show", "17", "--json").json["shown"]
    assert f"--take source --shown {mark}" in syncd("conflicts", "show", "17").out
    application.state.held = [conflict(17, fields=[{**TWO[0], "source": "DE4"}, TWO[1]])]
    called = syncd("conflicts", "resolve", "17", "--take", "source", "--shown", mark)
    assert (called.code, application.state.resolved) == (2, {})
    assert "conflict 17 (ERPNext CUST-00042 = source 42) is not what was shown: the record moved since" in called.err
    now = syncd("conflicts", "show", "17", "--json").json["shown"]
    assert syncd("conflicts", "resolve", "17", "--take", "source", "--shown", now).code == 0


def test_dry_run_says_what_would_be_noted(syncd: Syncd, application: FakeApplication) -> None:
    called = syncd("conflicts", "resolve", "17", "19", "--take", "erpnext", "--dry-run")
    assert "2 decisions would be noted. Nothing was." in called.out
    assert application.state.resolved == {}
    assert syncd("conflicts", "resolve", "17", "--take", "erpnext", "--dry-run", "--json").json["dry_run"] is True


TAX = {"field": "tax_id", "base": "1", "erpnext": "2", "source": "3", "reason": ""}
PHONE = {"field": "phone", "base": None, "erpnext": "4", "source": "5", "reason": ""}


@pytest.fixture
def _many(application: FakeApplication) -> None:
    application.state = FakeStore(
        held=[
            conflict(1, fields=[TAX]),
            conflict(2, fields=[TAX, PHONE]),
            conflict(3, fields=[PHONE]),
            conflict(4, kind="deleted", fields=[TAX]),
            conflict(5, fields=[TAX], mapping="item"),
            conflict(6, fields=[TAX], resolution=b'{"take":"erpnext"}'),
            conflict(7, fields=[TAX], resolution=b'{"moved":{"take":"erpnext"}}'),
        ]
    )


@pytest.mark.usefixtures("_many")
@pytest.mark.parametrize(
    ("what", "arguments", "resolved", "left"),
    [
        ("a mapping", ("--mapping", "customer"), [1, 2, 3, 7], {4: "its kind is deleted", 6: "it is decided already"}),
        (
            "a field, of every mapping",
            ("--field", "tax_id"),
            [1, 5, 7],
            {2: "phone is in conflict too", 4: "its kind is deleted", 6: "it is decided already"},
        ),
        (
            "a field of a mapping",
            ("--mapping", "customer", "--field", "phone"),
            [3],
            {2: "tax_id is in conflict too"},
        ),
        (
            "two fields cover what is in both",
            ("--mapping", "customer", "--field", "phone", "--field", "tax_id"),
            [1, 2, 3, 7],
            {4: "its kind is deleted", 6: "it is decided already"},
        ),
        ("a mapping where all are of fields", ("--mapping", "item"), [5], {}),
    ],
)
def test_many_are_resolved_by_mapping_and_field(
    what: str,
    arguments: tuple[str, ...],
    resolved: list[int],
    left: dict[int, str],
    syncd: Syncd,
    application: FakeApplication,
) -> None:
    document = syncd("conflicts", "resolve", *arguments, "--take", "source", "--json").json
    assert sorted(application.state.resolved) == resolved, what
    assert {each["conflict"] for each in document["left"]} == set(left), what
    for each in document["left"]:
        assert left[each["conflict"]] in each["reason"], what
    out = syncd("conflicts", "resolve", *arguments, "--take", "source", "--dry-run").out
    for number, words in left.items():
        assert f"{number}  ERPNext CUST-00042 = source 42 stays: {words}" in out, what


@pytest.mark.usefixtures("_many")
@pytest.mark.parametrize(
    ("what", "arguments", "words"),
    [
        ("IDs and a selection", ("1", "--mapping", "customer", "--take", "source"), "either IDs, or --mapping"),
        ("neither", ("--take", "source"), "which conflicts?"),
        ("values for many", ("--mapping", "customer", "--set", "tax_id=1"), "one value does not fit many records"),
        ("no decision", ("--mapping", "customer"), "needs one decision"),
        ("a misspelt mapping", ("--mapping", "custommer", "--take", "source"), "did you mean customer?"),
        (
            "a mapping without any",
            ("--mapping", "zzz", "--take", "source"),
            "mappings with held records: customer, item",
        ),
        ("a misspelt field", ("--field", "taxid", "--take", "source"), "did you mean tax_id?"),
        ("a mark for many", ("1", "3", "--take", "source", "--shown", "x"), "--shown is the mark of one conflict"),
        ("a value twice", ("1", "--set", "tax_id=1", "--set", "tax_id=2"), "tax_id is given twice"),
    ],
)
def test_a_selection_that_says_nothing_clear_is_refused(
    what: str, arguments: tuple[str, ...], words: str, syncd: Syncd, application: FakeApplication
) -> None:
    called = syncd("conflicts", "resolve", *arguments)
    assert called.code == 2, what
    assert words in called.err, what
    assert application.state.resolved == {}


def test_many_decisions_are_counted_not_listed(syncd: Syncd, application: FakeApplication) -> None:
    application.state = FakeStore(held=[conflict(number) for number in range(1, 31)])
    out = syncd("conflicts", "resolve", "--mapping", "customer", "--take", "source").out
    assert len(application.state.resolved) == 30
    assert "… and 10 more" in out


def test_a_value_that_does_not_fit_is_refused_with_the_reason(syncd: Syncd, application: FakeApplication) -> None:
    application.misfits = {"tax_id": "'Gold' is not one of the options; nearest: 'Golden'"}
    called = syncd("conflicts", "resolve", "17", "--set", "tax_id=Gold", "--set", "email=x")
    assert (called.code, application.state.resolved) == (2, {})
    assert "conflict 17 (ERPNext CUST-00042 = source 42): tax_id: 'Gold' is not one of the options" in called.err
    assert ("unfit", ("customer", [{"tax_id": "Gold", "email": "x"}])) in application.asked


def test_a_value_that_nobody_can_look_at_is_noted_and_said_so(syncd: Syncd, application: FakeApplication) -> None:
    application.misfits = UnreachableError("the site main does not answer")
    called = syncd("conflicts", "resolve", "17", "--set", "tax_id=1", "--set", "email=x")
    assert called.code == 0
    assert "Not checked whether the values fit: customer: the site main does not answer." in called.out
    assert list(application.state.resolved) == [17]


def test_a_child_table_is_decided_by_taking_a_side(syncd: Syncd, application: FakeApplication) -> None:
    rows = {"field": "items", "base": [], "erpnext": [{"qty": 1}], "source": [{"qty": 2}], "reason": ""}
    application.state.held = [conflict(1, fields=[rows])]
    assert "--set items" not in syncd("conflicts", "show", "1").out
    called = syncd("conflicts", "resolve", "1", "--set", "items=3")
    assert (called.code, application.state.resolved) == (2, {})
    assert "is decided by taking a side only" in called.err


@pytest.mark.parametrize(
    ("what", "arguments", "words"),
    [
        ("no such conflict", ("99", "--take", "source"), "no conflict 99 is open"),
        ("no decision", ("17",), "needs one decision: either --take or --set"),
        ("two decisions", ("17", "--take", "source", "--set", "tax_id=1"), "needs one decision"),
        ("no value", ("17", "--set", "tax_id"), "there is no `=`"),
        ("a misspelt field", ("17", "--set", "taxid=1"), "did you mean tax_id?"),
        ("another field", ("17", "--set", "zzzzzzzzz=1"), "fields in conflict: tax_id, email"),
        ("a field is left open", ("17", "--set", "tax_id=1"), "has more fields to decide: email"),
        ("a match has no value", ("18", "--take", "source"), "the next run looks again"),
        ("a refusal has no value", ("21", "--take", "source"), "correct what was refused"),
        ("a deletion has no value", ("19", "--set", "tax_id=1"), "is decided by taking a side only"),
    ],
)
def test_resolve_refuses_what_it_cannot_carry_out(
    what: str, arguments: tuple[str, ...], words: str, syncd: Syncd, application: FakeApplication
) -> None:
    called = syncd("conflicts", "resolve", *arguments)
    assert called.code == 2
    assert words in called.err, what
    assert application.state.resolved == {}
