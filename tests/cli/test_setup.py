from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from syncd.app.results import Finding, NeededRight, ProvisionStep, Severity
from tests.cli.conftest import Syncd
from tests.cli.fakes import FakeApplication


def _finding(severity: Severity, message: str, *, unreachable: bool = False) -> Finding:
    return Finding(
        severity=severity,
        mapping="customer",
        where="mappings/customer.toml: fields.tax_id",
        message=message,
        hint="do this",
        unreachable=unreachable,
    )


OK = _finding(Severity.OK, "12 fields fit")
NOTE = _finding(Severity.NOTE, "every pass reads all")
WARNING = _finding(Severity.WARNING, "a literal secret")
ERROR = _finding(Severity.ERROR, "no such column")
AWAY = _finding(Severity.ERROR, "no answer", unreachable=True)


@pytest.mark.parametrize(
    ("what", "findings", "code", "ending"),
    [
        ("a note asks for nothing", [OK, NOTE], 0, "All is well. `syncd plan` shows what a run would do."),
        ("all is well", [OK], 0, "All is well. `syncd plan` shows what a run would do."),
        ("a warning lets a run work", [OK, WARNING], 0, "0 errors, 1 warning."),
        ("an error", [WARNING, ERROR], 2, "1 error, 1 warning."),
        ("a place that does not answer", [OK, AWAY], 5, "1 error, 0 warnings."),
        ("both: the files come first", [AWAY, ERROR], 2, "2 errors, 0 warnings."),
    ],
)
def test_check_answers_by_its_worst_finding(
    what: str, findings: list[Finding], code: int, ending: str, syncd: Syncd, application: FakeApplication
) -> None:
    application.findings = findings
    called = syncd("check", "customer")
    assert called.code == code, what
    assert called.out.splitlines()[-1] == ending
    assert application.asked == [("check", ["customer"])]
    assert syncd("check", "--json").json["exit_code"] == code


def test_check_shows_the_worst_first(syncd: Syncd, application: FakeApplication) -> None:
    application.findings = [OK, NOTE, WARNING, ERROR]
    lines = syncd("check").out.splitlines()
    assert [line.split()[0] for line in lines[2:6]] == ["error", "warning", "note", "ok"]
    assert "mappings/customer.toml: fields.tax_id" in lines[2]
    assert "do this" in lines[2]
    severities = [each["severity"] for each in syncd("check", "--json").json["findings"]]
    assert severities == ["error", "warning", "note", "ok"]


def test_check_quiet_leaves_out_what_is_well(syncd: Syncd, application: FakeApplication) -> None:
    application.findings = [OK]
    assert syncd("check", "--quiet").out == ""
    application.findings = [OK, ERROR]
    out = syncd("check", "--quiet").out
    assert "no such column" in out
    assert "12 fields fit" not in out


def _step(state: str, error: str = "") -> ProvisionStep:
    return ProvisionStep(site="main", what="Customer.syncd_id", why="external id", state=state, error=error)


@pytest.mark.parametrize(
    ("what", "arguments", "steps", "code", "ending"),
    [
        ("shown", (), [_step("missing")], 0, "Nothing was made yet: `syncd provision --apply` does it."),
        ("made", ("--apply",), [_step("made")], 0, "The site has all that is needed."),
        ("there", (), [_step("present")], 0, "The site has all that is needed."),
        ("refused", ("--apply",), [_step("refused", "no right")], 5, "The site refused a step: give the integration"),
        ("not as it must be", (), [_step("wrong", "x")], 0, "Nothing was made yet: `syncd provision --apply` does it."),
        ("corrected", ("--apply",), [_step("corrected")], 0, "The site has all that is needed."),
        ("of no use", (), [_step("unfit", "a Link")], 2, "A field cannot hold ids: name another external_id"),
        ("not syncd's", ("--remove", "--apply"), [_step("kept", "x")], 0, "The site has nothing of syncd's any more."),
        (
            "removal shown",
            ("--remove",),
            [_step("present")],
            0,
            "Nothing was removed yet: `syncd provision --remove --apply` does it.",
        ),
        ("removed", ("--remove", "--apply"), [_step("removed")], 0, "The site has nothing of syncd's any more."),
    ],
)
def test_provision_shows_then_does(
    what: str,
    arguments: tuple[str, ...],
    steps: list[ProvisionStep],
    code: int,
    ending: str,
    syncd: Syncd,
    application: FakeApplication,
) -> None:
    application.steps = steps
    called = syncd("provision", *arguments)
    assert called.code == code, what
    assert called.out.splitlines()[-1].startswith(ending)
    assert steps[0].error in called.out
    assert application.asked == [("provision", ("--apply" in arguments, "--remove" in arguments))]
    document = syncd("provision", *arguments, "--json").json
    assert document["steps"][0]["state"] == steps[0].state
    assert document["applied"] is ("--apply" in arguments)


def _right(state: str, **changes: Any) -> NeededRight:
    given: dict[str, Any] = {
        "site": "main",
        "doctype": "Item",
        "level": 0,
        "rights": ("read", "write"),
        "mappings": ("item", "stock"),
        "lacking": ("write",) if state == "lacking" else (),
        "roles": ("Item Manager",),
        "state": state,
    }
    return NeededRight(**{**given, **changes})


def test_provision_lists_the_rights_that_are_needed(syncd: Syncd, application: FakeApplication) -> None:
    application.needed = [_right("granted"), _right("lacking", doctype="Customer")]
    out = syncd("provision").out
    assert "read, write" in out
    assert "item, stock" in out
    assert "Item Manager" in out
    assert "Give a role of syncd's user what is lacking, in ERPNext's Role Permissions Manager." in out
    assert out.splitlines()[-1] == "The site has all that is needed."
    quiet = syncd("provision", "--quiet").out
    assert ("Customer" in quiet, "granted" in quiet) == (True, False)
    document = syncd("provision", "--json").json
    assert document["rights"][1] == {
        "site": "main",
        "doctype": "Customer",
        "level": 0,
        "rights": ["read", "write"],
        "lacking": ["write"],
        "roles": ["Item Manager"],
        "mappings": ["item", "stock"],
        "state": "lacking",
    }
    assert syncd("provision", "--remove", "--json").json["rights"] == []


def test_provision_for_another_user(syncd: Syncd, application: FakeApplication) -> None:
    syncd("provision", "--apply", "--user", "sync@example.com")
    assert application.asked == [("provision", (True, False, "sync@example.com"))]


def test_init_writes_a_deployment_and_says_what_comes_next(
    syncd: Syncd, application: FakeApplication, tmp_path: Path
) -> None:
    called = syncd("init", str(tmp_path / "shop"))
    assert called.code == 0
    assert (tmp_path / "shop" / "syncd.toml").is_file()
    assert "syncd check" in called.out
    assert application.opened == {}
    again = syncd("init", str(tmp_path / "shop"))
    assert (again.code, again.out) == (2, "")
    assert "syncd.toml" in again.err
    files = syncd("init", str(tmp_path / "other"), "--json").json["files"]
    assert str(tmp_path / "other" / "syncd.toml") in files
