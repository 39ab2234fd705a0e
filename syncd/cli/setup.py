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
    from syncd.app.results import Finding, NeededRight, ProvisionStep

_STYLES = {
    **dict.fromkeys(("error", "refused", "unfit", "lacking"), "bold red"),
    **dict.fromkeys(("warning", "missing", "wrong", "unknown"), "yellow"),
    "ok": "green",
}
_UNSETTLED = frozenset({"refused", "missing", "wrong", "unfit"})


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
            "syncd provision --apply --user sync@example.com    with an administrator's key, for syncd's user",
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

    Looks at settings, reachability, credentials, rights, fields and types of both sides, and sends up to 200 live rows
    of each there and back; changes nothing. Exit code 2: a run would fail; 5: a site or a source cannot be reached.
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
    shown = [each for each in findings if not session.quiet or each.severity in {Severity.ERROR, Severity.WARNING}]
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
    user: Annotated[
        str | None,
        typer.Option("--user", metavar="EMAIL", help="syncd's user, where somebody else with more rights runs this."),
    ] = None,
) -> ExitCode:
    """Show what the site needs, or make it.

    That is external-id fields, and the DocType `Syncd Operation`, which makes creation exactly-once. What is there and
    not as it must be is corrected, and nothing that holds data is taken away. The rights that the mappings need are
    listed; a person gives them. Exit code 5: the site refused a step; 2: a field cannot serve.
    """
    application = session.application()
    steps = application.provision(apply=apply, remove=remove, user=user)
    rights = [] if remove else application.rights(user=user)
    code = provision_code(steps)
    if session.json:
        session.output.document(
            {
                "schema": "syncd.provision/1",
                "applied": apply,
                "steps": [_step_document(step) for step in steps],
                "rights": [_right_document(right) for right in rights],
                "exit_code": int(code),
            }
        )
        return code
    _print_rights(session, rights)
    _print_steps(session, steps, apply=apply, remove=remove)
    return code


def provision_code(steps: list[ProvisionStep]) -> ExitCode:
    """2 where the mapping must name another field, 5 where the site refused a step, else 0."""
    states = {step.state for step in steps}
    if "unfit" in states:
        return ExitCode.USAGE
    return ExitCode.UNREACHABLE if "refused" in states else ExitCode.OK


def _print_rights(session: Session, rights: list[NeededRight]) -> None:
    """What to tick in ERPNext's Role Permissions Manager; with --quiet only what is lacking."""
    shown = [right for right in rights if not session.quiet or right.state == "lacking"]
    if shown:
        session.output.table(
            ("", "site", "DocType", "level", "rights", "lacking", "roles that give them", "for"),
            [
                (
                    right.state,
                    right.site,
                    right.doctype,
                    str(right.level),
                    ", ".join(right.rights),
                    ", ".join(right.lacking),
                    ", ".join(right.roles),
                    ", ".join(right.mappings),
                )
                for right in shown
            ],
            styles=_STYLES,
        )
    if any(right.state == "lacking" for right in shown):
        session.output.show(
            "Give a role of syncd's user what is lacking, in ERPNext's Role Permissions Manager. syncd does not: the "
            "first permission that a program adds to a DocType takes the place of all that it came with.\n"
        )
    elif shown:
        session.output.say("These are the rights that the mappings need; syncd's user needs no others.\n")


def _print_steps(session: Session, steps: list[ProvisionStep], *, apply: bool, remove: bool) -> None:
    output = session.output
    shown = [step for step in steps if not session.quiet or step.state in _UNSETTLED]
    if shown:
        output.table(
            ("", "site", "what", "why", "remark"),
            [(step.state, step.site, step.what, step.why, step.error) for step in shown],
            styles=_STYLES,
        )
    text, needed = _ending(session, {step.state for step in steps}, apply=apply, remove=remove)
    (output.show if needed else output.say)(text)


def _ending(session: Session, states: set[str], *, apply: bool, remove: bool) -> tuple[str, bool]:
    """The last line, and whether somebody has to act on it."""
    program = session.program
    if "unfit" in states:
        return "A field cannot hold ids: name another external_id in the mapping, then run this again.", True
    if "refused" in states:
        return (
            "The site refused a step: give the integration user that right, or make it by hand, then try again.",
            True,
        )
    if remove:
        if not apply and "present" in states:
            return f"Nothing was removed yet: `{program} provision --remove --apply` does it.", True
        return "The site has nothing of syncd's any more.", False
    if not apply and states & {"missing", "wrong"}:
        return f"Nothing was made yet: `{program} provision --apply` does it.", True
    return "The site has all that is needed.", False


def _step_document(step: ProvisionStep) -> dict[str, object]:
    return {"site": step.site, "what": step.what, "why": step.why, "state": step.state, "error": step.error}


def _right_document(right: NeededRight) -> dict[str, object]:
    return {
        "site": right.site,
        "doctype": right.doctype,
        "level": right.level,
        "rights": list(right.rights),
        "lacking": list(right.lacking),
        "roles": list(right.roles),
        "mappings": list(right.mappings),
        "state": right.state,
    }
