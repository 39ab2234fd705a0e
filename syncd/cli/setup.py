"""`syncd init`, `syncd check` and `syncd provision`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli.declare import command
from syncd.cli.run import Mappings
from syncd.cli.session import Session
from syncd.errors import ExitCode

if TYPE_CHECKING:
    from syncd.app.results import Finding, ProvisionStep

_STYLES = {"error": "bold red", "warning": "yellow", "ok": "green", "refused": "bold red", "missing": "yellow"}


def declare(app: typer.Typer) -> None:
    """Add the commands of this module."""
    command(app, "init", examples=("syncd init", "syncd init shop && cd shop && syncd check"))(init)
    command(
        app,
        "check",
        examples=("syncd check", "syncd check customer", "syncd check --json | jq '.findings[] | .message'"),
    )(check)
    command(
        app,
        "provision",
        examples=(
            "syncd provision                     show what the site needs",
            "syncd provision --apply             make it",
            "syncd provision --remove --apply    take it away again",
        ),
    )(provision)


def init(
    session: Session,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where; it is made if missing.")] = Path(),
) -> ExitCode:
    """Make a new deployment's folder.

    It holds syncd.toml, mappings/ and state/, with comments in the files. Nothing that exists is overwritten.
    """
    from syncd.config.scaffold import init as scaffold

    written = scaffold(directory)
    if session.json:
        session.output.document({"schema": "syncd.init/1", "files": [str(path) for path in written]})
        return ExitCode.OK
    session.output.say("\n".join(f"wrote {path}" for path in written))
    there = "" if directory == Path() else f"cd {directory}, then "
    session.output.say(f"Next: {there}edit syncd.toml and mappings/, and run `syncd check`.")
    return ExitCode.OK


def check(session: Session, mapping: Mappings = None) -> ExitCode:
    """Tell whether a run would work.

    Looks at settings, reachability, credentials, rights, fields and types of both sides; changes nothing. Exit code 2:
    something is wrong; 5: a site or a source cannot be reached.
    """
    findings = sorted(session.application().check(mapping or []), key=_rank)
    code = check_code(findings)
    if session.json:
        document = [_finding_document(finding) for finding in findings]
        session.output.document({"schema": "syncd.check/1", "findings": document, "exit_code": int(code)})
        return code
    _print_findings(session, findings)
    return code


def check_code(findings: list[Finding]) -> ExitCode:
    """2 when anything is wrong, 5 when all that is wrong is that a place cannot be reached, else 0."""
    from syncd.app.results import Severity, worst

    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    return worst([ExitCode.UNREACHABLE if finding.unreachable else ExitCode.USAGE for finding in errors])


def _rank(finding: Finding) -> tuple[int, str, str]:
    from syncd.app.results import Severity

    return (list(Severity).index(finding.severity), finding.mapping, finding.where)


def _print_findings(session: Session, findings: list[Finding]) -> None:
    from syncd.app.results import Severity
    from syncd.report.text import number

    output = session.output
    shown = [each for each in findings if not session.quiet or each.severity is not Severity.OK]
    if shown:
        output.table(
            ("", "mapping", "where", "what", "next step"),
            [(each.severity.value, each.mapping, each.where, each.message, each.hint) for each in shown],
            styles=_STYLES,
        )
    errors = sum(each.severity is Severity.ERROR for each in findings)
    warnings = sum(each.severity is Severity.WARNING for each in findings)
    if errors or warnings:
        output.show(f"{number(errors, 'error')}, {number(warnings, 'warning')}.")
    else:
        output.say(f"All is well. `{session.program} plan` shows what a run would do.")


def _finding_document(finding: Finding) -> dict[str, object]:
    return {
        "severity": finding.severity.value,
        "mapping": finding.mapping,
        "where": finding.where,
        "message": finding.message,
        "hint": finding.hint,
        "unreachable": finding.unreachable,
    }


def provision(
    session: Session,
    *,
    apply: Annotated[bool, typer.Option("--apply", help="Do it; without this it is only shown.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take away what syncd made on the site.")] = False,
) -> ExitCode:
    """Show what the site needs, or make it.

    That is external-id fields, and the DocType `Syncd Operation`, which makes creation exactly-once. Exit code 5: the
    site refused a step.
    """
    steps = session.application().provision(apply=apply, remove=remove)
    code = ExitCode.UNREACHABLE if any(step.state == "refused" for step in steps) else ExitCode.OK
    if session.json:
        document = [_step_document(step) for step in steps]
        session.output.document(
            {"schema": "syncd.provision/1", "applied": apply, "steps": document, "exit_code": int(code)}
        )
        return code
    _print_steps(session, steps, apply=apply, remove=remove)
    return code


def _print_steps(session: Session, steps: list[ProvisionStep], *, apply: bool, remove: bool) -> None:
    output = session.output
    shown = [step for step in steps if not session.quiet or step.state in {"refused", "missing"}]
    if shown:
        output.table(
            ("", "site", "what", "why", "error"),
            [(step.state, step.site, step.what, step.why, step.error) for step in shown],
            styles=_STYLES,
        )
    if any(step.state == "refused" for step in steps):
        output.show(
            "The site refused a step: give the integration user that right, or make it by hand, then try again."
        )
    elif not apply and remove and any(step.state == "present" for step in steps):
        output.show(f"Nothing was removed yet: `{session.program} provision --remove --apply` does it.")
    elif not apply and any(step.state == "missing" for step in steps):
        output.show(f"Nothing was made yet: `{session.program} provision --apply` does it.")
    else:
        output.say("The site has nothing of syncd's any more." if remove else "The site has all that is needed.")


def _step_document(step: ProvisionStep) -> dict[str, object]:
    return {"site": step.site, "what": step.what, "why": step.why, "state": step.state, "error": step.error}
