"""What `syncd plan` and `syncd reconcile --plan` say, over an application that answers what a test tells it to."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.app.results import PlannedHold, PlannedOperation, PlanResult, Result
from syncd.core.links import NewKey
from syncd.core.model import Action, FieldChange, Side
from syncd.errors import ExitCode
from tests.cli.conftest import Syncd
from tests.cli.fakes import FakeApplication, run_result
from tests.report.fakes import counts


def change(field: str, old: object, new: object) -> FieldChange:
    return FieldChange(field=field, old=old, new=new)


def operation(
    action: Action,
    *changes: FieldChange,
    side: Side = Side.ERPNEXT,
    names: tuple[str | None, str | None] = ("9", "SO-9"),
    mapping: str = "order",
    docstatus: int = 0,
) -> PlannedOperation:
    return PlannedOperation(
        mapping=mapping,
        side=side,
        action=action,
        external_id=names[0],
        erpnext_name=names[1],
        changes=changes,
        docstatus=docstatus,
    )


LONG = "The first line of a long description\nand a second one that says more about it"

SHOWN = [
    (
        "a creation with a link to what would be made, and its rows",
        operation(
            Action.CREATE,
            change("po_no", None, "PO-9"),
            change("customer", None, NewKey("(customer 17, new)")),
            change("items[1]", None, "item_code=(item 4, new), qty=2"),
            names=("9", None),
        ),
        """\
  + in ERPNext     source 9
      po_no: "PO-9"
      customer: "(customer 17, new)"
      items[1]: item_code=(item 4, new), qty=2""",
    ),
    (
        "a creation that is submitted at once",
        operation(Action.CREATE, names=("9", None), docstatus=1),
        "  + in ERPNext     source 9 (submitted)",
    ),
    (
        "fields with old and new, rows changed, added and removed",
        operation(
            Action.UPDATE,
            change("po_no", "PO-8", "PO-9"),
            change("remarks", "a", None),
            change("items[1].qty", "2", "3"),
            change("items[2]", None, "item_code=NAIL, qty=100"),
            change("items[3]", "item_code=SAW", None),
            side=Side.SOURCE,
        ),
        """\
  ~ in the source  ERPNext SO-9 = source 9
      po_no: "PO-8" → "PO-9"
      remarks: "a" → (empty)
      items[1].qty: "2" → "3"
      + items[2]: item_code=NAIL, qty=100
      - items[3]: item_code=SAW""",
    ),
    (
        "long text by what differs in it",
        operation(Action.UPDATE, change("terms", LONG, LONG.replace("more", "less"))),
        """\
  ~ in ERPNext     ERPNext SO-9 = source 9
      terms:
        line 2: removed 'and a second one that says more about it'
        line 2: added 'and a second one that says less about it'""",
    ),
    ("an id and nothing else", operation(Action.LINK), "  = in ERPNext     ERPNext SO-9 = source 9 (link)"),
    (
        "a deletion",
        operation(Action.DELETE, change("(record)", "present", "delete")),
        "  - in ERPNext     ERPNext SO-9 = source 9 (delete)",
    ),
    (
        "a submission with its fields",
        operation(
            Action.SUBMIT, change("po_no", "PO-8", "PO-9"), change("(document)", "a draft", "submit"), docstatus=1
        ),
        """\
  ~ in ERPNext     ERPNext SO-9 = source 9 (submit)
      po_no: "PO-8" → "PO-9"
      document: a draft → submit""",
    ),
    (
        "a cancellation",
        operation(Action.CANCEL, change("(document)", "submitted", "cancel"), docstatus=2),
        """\
  - in ERPNext     ERPNext SO-9 = source 9 (cancel)
      document: submitted → cancel""",
    ),
    (
        "an amendment",
        operation(Action.AMEND, change("(document)", "submitted", "amend"), docstatus=1),
        """\
  -/+ in ERPNext     ERPNext SO-9 = source 9 (amend, submitted)
      document: submitted → amend""",
    ),
]


@pytest.mark.parametrize(("what", "planned", "text"), SHOWN, ids=[row[0] for row in SHOWN])
def test_operations_are_shown_field_by_field(
    what: str, planned: PlannedOperation, text: str, syncd: Syncd, application: FakeApplication
) -> None:
    application.planned = PlanResult(operations=[planned])
    shown = syncd("plan").out
    assert shown.startswith(f"order\n{text}\n"), what
    [told] = syncd("plan", "--json").json["operations"]
    assert (told["action"], told.get("docstatus", 0)) == (planned.action.value, planned.docstatus)
    assert [(each["field"], each["new"]) for each in told["changes"]] == [(c.field, c.new) for c in planned.changes]


def test_the_count_line_counts_every_kind(syncd: Syncd, application: FakeApplication) -> None:
    application.planned = PlanResult(
        operations=[operation(action) for action in Action],
        holds=[PlannedHold(mapping="order", kind="link", external_id="1", erpnext_name=None, text="waits")],
        ended={"order": 2},
        adopted={"order": 1},
    )
    out = syncd("plan").out
    for words in (
        "1 to create in ERPNext",
        "1 to submit in ERPNext",
        "1 to cancel in ERPNext",
        "1 to amend in ERPNext",
        "1 to hold for a person.",
        "order: 2 pairs end: deleted or voided for good on a side",
        "order: 1 record exists on both sides: new pairs",
        "order: source 1 would be held (link): waits",
    ):
        assert words in out


def test_a_plan_is_written_after_it_was_made(syncd: Syncd, application: FakeApplication, tmp_path: Path) -> None:
    file = tmp_path / "friday.plan"
    application.planned = PlanResult(operations=[operation(Action.LINK)])
    called = syncd("plan", "order", "--full", "--out", str(file))
    assert called.code == 0
    assert application.asked == [("plan", (["order"], True)), ("save_plan", (True, ["order"], file, True, False))]
    assert f"`syncd reconcile --plan {file}` does exactly that." in called.out
    assert syncd("plan", "--out", str(file), "--json").json["file"] == str(file)


def test_a_file_that_is_there_is_kept_unless_it_may_go(
    syncd: Syncd, application: FakeApplication, tmp_path: Path
) -> None:
    file = tmp_path / "friday.plan"
    file.write_text("mine")
    called = syncd("plan", "--out", str(file))
    assert (called.code, application.asked) == (2, [])
    assert f"{file}: there is a file of that name" in called.err
    assert syncd("plan", "--out", str(file), "--force").code == 0
    assert application.asked[-1] == ("save_plan", (True, [], file, False, True))


@pytest.mark.parametrize(
    ("what", "planned", "code"),
    [
        ("a halt", PlanResult(halts={"order": "max_deletes"}, exit_code=ExitCode.HALTED), 4),
        ("no answer", PlanResult(errors={"order": "gone"}, exit_code=ExitCode.UNREACHABLE), 5),
    ],
)
def test_a_plan_that_could_not_be_made_whole_is_not_written(
    what: str, planned: PlanResult, code: int, syncd: Syncd, application: FakeApplication, tmp_path: Path
) -> None:
    application.planned = planned
    called = syncd("plan", "--out", str(tmp_path / "friday.plan"))
    assert called.code == code, what
    assert [asked for asked, _ in application.asked] == ["plan"]
    assert "reconcile" not in called.out


def test_reconcile_by_a_plan_names_what_moved(syncd: Syncd, application: FakeApplication, tmp_path: Path) -> None:
    records = [{"external_id": "9", "erpnext_name": None, "text": "changed since the plan was made; left"}]
    found = counts(created_erpnext=3)
    found.plan = {"planned": 4, "refused": 1, "left": 2, "records": records}
    application.run = run_result(Result.ATTENTION, ExitCode.ATTENTION, order=found)
    file = tmp_path / "friday.plan"
    called = syncd("reconcile", "--plan", str(file), "--force", "--wait", "5s")
    assert called.code == 3
    assert application.asked == [("carry_out", (file, True, 5.0))]
    for words in (
        "order: of 4 records in the plan 1 moved since, and were refused:",
        "order: source 9: changed since the plan was made",
        "order: 2 records are left for the next run: the plan does not name them",
    ):
        assert words in called.out
    assert syncd("reconcile", "--plan", str(file), "--json").json["mappings"]["order"]["plan"] == found.plan


@pytest.mark.parametrize("beside", [("order",), ("--full",)])
def test_a_plan_stands_alone(beside: tuple[str, ...], syncd: Syncd, application: FakeApplication) -> None:
    called = syncd("reconcile", *beside, "--plan", "friday.plan")
    assert (called.code, application.asked) == (2, [])
    assert "the plan says itself which mappings" in called.err


def test_what_agreed_pairs_differ_in_is_named(syncd: Syncd, application: FakeApplication) -> None:
    some = [
        {"external_id": str(n), "erpnext_name": f"C-{n}", "field": "website", "erpnext": "a", "source": None}
        for n in range(30)
    ]
    application.planned = PlanResult(disagreements={"customer": (31, some)})
    out = syncd("plan", "--full").out
    assert "customer: 31 pairs differ although they count as agreed:" in out
    assert 'ERPNext C-0 = source 0: website: ERPNext "a", the source (empty)' in out
    assert (out.count("website"), "and 11 more pairs" in out) == (20, True)
    found = syncd("plan", "--json").json["disagreements"]["customer"]
    assert (found["count"], len(found["records"])) == (31, 30)
    ran = counts()
    ran.disagree, ran.disagreements = 1, some[:1]
    application.run = run_result(Result.ATTENTION, ExitCode.ATTENTION, customer=ran)
    assert "ERPNext C-0 = source 0: website" in syncd("reconcile", "--full").out
    assert syncd("reconcile", "--json").json["mappings"]["customer"]["disagreements"] == some[:1]
