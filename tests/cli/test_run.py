from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from syncd.app.results import PlannedHold, PlannedOperation, PlanResult, Result
from syncd.cli.output import Output
from syncd.core.model import Action, FieldChange, Side
from syncd.errors import ExitCode
from tests.cli.conftest import Syncd
from tests.cli.fakes import FakeApplication, run_result
from tests.report.fakes import RUN, counts


def test_reconcile_passes_its_options_on(syncd: Syncd, application: FakeApplication) -> None:
    syncd("reconcile", "customer", "item", "--full", "--force", "--wait", "2m")
    syncd("reconcile", "--wait", "5")
    syncd("reconcile")
    assert application.asked == [
        ("reconcile", (["customer", "item"], True, True, 120.0, False)),
        ("reconcile", ([], False, False, 5.0, False)),
        ("reconcile", ([], False, False, 30.0, False)),
    ]


@pytest.mark.parametrize(
    ("what", "result", "code"),
    [
        ("in sync", Result.IN_SYNC, ExitCode.OK),
        ("something waits", Result.ATTENTION, ExitCode.ATTENTION),
        ("a guard", Result.HALTED, ExitCode.HALTED),
        ("no answer", Result.FAILED, ExitCode.UNREACHABLE),
        ("another run", Result.FAILED, ExitCode.LEASE_HELD),
        ("stopped", Result.FAILED, ExitCode.INTERRUPTED),
    ],
)
def test_reconcile_answers_with_the_code_of_its_result(
    what: str, result: Result, code: ExitCode, syncd: Syncd, application: FakeApplication
) -> None:
    application.run = run_result(result, code)
    assert syncd("reconcile").code == code, what
    assert syncd("reconcile", "--json").json["result"] == result.value


def test_reconcile_json_is_the_contracts_and_nothing_else(syncd: Syncd, application: FakeApplication) -> None:
    application.run = run_result(Result.ATTENTION, ExitCode.ATTENTION, customer=counts(held=1, seen_source=7))
    called = syncd("reconcile", "--json")
    assert called.err == ""
    assert list(called.json) == ["schema", "run", "started", "finished", "result", "mappings"]
    assert called.json["schema"] == "syncd.run/1"
    assert called.json["mappings"]["customer"]["seen"] == {"erpnext": 0, "source": 7}
    assert called.out.count("\n") == 1


def test_reconcile_without_work_says_so(syncd: Syncd) -> None:
    called = syncd("reconcile")
    assert called.code == 0
    assert "Nothing to do: both sides agree." in called.out
    assert called.err == ""
    assert syncd("reconcile", "--quiet").out == ""


def test_reconcile_tells_what_was_done_what_waits_and_where_the_report_is(
    syncd: Syncd, application: FakeApplication
) -> None:
    numbers = counts(
        seen_erpnext=1200, seen_source=2000, adopted=1100, created_erpnext=800, held=20, conflicts=15, failed=2
    )
    report = str(Path.cwd() / "state" / "reports" / f"{RUN}.json")
    application.run = run_result(Result.ATTENTION, ExitCode.ATTENTION, report=report, customer=numbers)
    for arguments in ((), ("--quiet",)):
        out = syncd("reconcile", "--config", "shop/syncd.toml", *arguments).out
        for words in (
            "1,200 in ERPNext, 2,000 in the source",
            "1,100 that existed on both sides are pairs now",
            "Done, 800 records were written, but 20 records wait for a person, 2 records failed.",
            "syncd --config shop/syncd.toml conflicts list",
            "syncd --config shop/syncd.toml failures list",
            f"Report: state/reports/{RUN}.html",
        ):
            assert words in out


def test_an_interrupted_run_says_that_it_goes_on(syncd: Syncd, application: FakeApplication) -> None:
    application.run = run_result(Result.FAILED, ExitCode.INTERRUPTED, customer=counts(created_source=3))
    called = syncd("reconcile")
    assert called.code == 130
    assert "Interrupted: 3 records were written, what was done is recorded" in called.out


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("what", "terminal", "arguments", "shown"),
    [
        ("on a terminal", True, (), True),
        ("elsewhere", False, (), False),
        ("not with --quiet", True, ("--quiet",), False),
        ("not with --json", True, ("--json",), False),
    ],
)
def test_a_progress_bar_stands_on_a_terminal_only(
    what: str,
    terminal: bool,
    arguments: tuple[str, ...],
    shown: bool,
    syncd: Syncd,
    application: FakeApplication,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stderr = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    assert syncd("reconcile", *arguments).code == 0
    assert application.asked[0][1][-1] is shown, what
    assert ("reading ERPNext" in stderr.getvalue()) is shown


def test_progress_gives_the_terminal_back_when_work_fails(syncd: Syncd, monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = Terminal()
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setenv("TERM", "xterm")

    def work() -> None:
        with Output(json=False, quiet=False).progress() as report:
            assert report is not None
            report("reading", 1, 2)
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        work()
    hidden, shown = stderr.getvalue().rfind("\x1b[?25l"), stderr.getvalue().rfind("\x1b[?25h")
    assert shown > hidden >= 0


def _operation(action: Action, side: Side = Side.ERPNEXT, **more: object) -> PlannedOperation:
    settings: dict[str, object] = {
        "mapping": "customer",
        "external_id": "42",
        "erpnext_name": "CUST-42",
        "changes": (FieldChange(field="tax_id", old="DE1", new="DE2"),),
    }
    return PlannedOperation(action=action, side=side, **(settings | more))  # type: ignore[arg-type]


def _plan() -> PlanResult:
    return PlanResult(
        operations=[
            _operation(Action.CREATE, erpnext_name=None, changes=(FieldChange(field="name", old=None, new="Müller"),)),
            _operation(Action.UPDATE, Side.SOURCE),
            _operation(Action.DELETE, changes=()),
            _operation(Action.LINK, changes=()),
            _operation(Action.DISABLE, changes=(FieldChange(field="disabled", old=False, new=True),)),
        ],
        holds=[
            PlannedHold(mapping="customer", kind="match", external_id="7", erpnext_name=None, text="3 candidates"),
            PlannedHold(mapping="customer", kind="failed", external_id="8", erpnext_name=None, text="too long"),
        ],
        unmatched={"customer": 2},
        adopted={"customer": 1},
        exit_code=ExitCode.ATTENTION,
    )


def test_plan_shows_each_field_old_and_new_and_counts(syncd: Syncd, application: FakeApplication) -> None:
    application.planned = _plan()
    called = syncd("plan", "customer", "--full")
    assert called.code == 0
    assert application.asked == [("plan", (["customer"], True))]
    assert called.out.splitlines() == [
        "customer",
        "  + in ERPNext     source 42",
        '      name: "Müller"',
        "  ~ in the source  ERPNext CUST-42 = source 42",
        '      tax_id: "DE1" → "DE2"',
        "  - in ERPNext     ERPNext CUST-42 = source 42 (delete)",
        "  = in ERPNext     ERPNext CUST-42 = source 42 (link)",
        "  ~ in ERPNext     ERPNext CUST-42 = source 42 (disable)",
        "      disabled: false → true",
        "  ! customer: source 7 would be held (match): 3 candidates",
        "  ! customer: source 8 would fail: too long",
        "customer: 1 record exists on both sides: new pairs",
        "customer: 2 records have no partner, and the mapping creates none",
        (
            "Plan: 1 to create in ERPNext, 1 to update in the source, 1 to link in ERPNext, 1 to delete in ERPNext, "
            "1 to disable in ERPNext, 1 to hold for a person, 1 that would fail."
        ),
        "`syncd reconcile` does it.",
    ]


def test_plan_json_holds_all_of_it(syncd: Syncd, application: FakeApplication) -> None:
    application.planned = _plan()
    document = syncd("plan", "--json").json
    assert document["schema"] == "syncd.plan/1"
    assert document["operations"][1] == {
        "mapping": "customer",
        "side": "source",
        "action": "update",
        "external_id": "42",
        "erpnext_name": "CUST-42",
        "changes": [{"field": "tax_id", "old": "DE1", "new": "DE2"}],
    }
    assert [hold["kind"] for hold in document["holds"]] == ["match", "failed"]
    assert (document["changes"], document["exit_code"]) == (True, 0)


@pytest.mark.parametrize(
    ("what", "planned", "plain", "asked"),
    [
        ("nothing to do", PlanResult(), 0, 0),
        ("changes", PlanResult(operations=[_operation(Action.UPDATE)], exit_code=ExitCode.CHANGES), 0, 10),
        ("only records that wait", PlanResult(exit_code=ExitCode.ATTENTION), 0, 0),
        (
            "it would halt",
            PlanResult(operations=[_operation(Action.DELETE)], halts={"customer": "max_deletes: 9"}),
            4,
            4,
        ),
        ("no answer", PlanResult(errors={"customer": "gone"}, exit_code=ExitCode.UNREACHABLE), 5, 5),
    ],
)
def test_the_exit_codes_of_a_plan(
    what: str, planned: PlanResult, plain: int, asked: int, syncd: Syncd, application: FakeApplication
) -> None:
    application.planned = planned
    assert syncd("plan").code == plain, what
    assert syncd("plan", "--exit-code").code == asked, what
    assert syncd("plan", "--json", "--exit-code").json["exit_code"] == asked, what


def test_a_plan_without_work_and_a_plan_that_would_halt_say_so(syncd: Syncd, application: FakeApplication) -> None:
    assert syncd("plan").out == "Plan: nothing to do.\n"
    assert syncd("plan", "--quiet").out == ""
    application.planned = PlanResult(halts={"customer": "max_deletes: 400 of 500"}, errors={"item": "no answer"})
    out = syncd("plan", "--quiet").out
    assert "customer would be halted: max_deletes: 400 of 500" in out
    assert "item could not be planned: no answer" in out
    assert "nothing to do" not in out


@pytest.mark.parametrize("code", [ExitCode.OK, ExitCode.INTERRUPTED])
def test_run_is_the_daemon(code: ExitCode, syncd: Syncd, application: FakeApplication) -> None:
    application.daemon = code
    assert syncd("run").code == code
    assert application.asked == [("run", None)]
