"""`syncd plan`, `syncd reconcile` and `syncd run`."""

from __future__ import annotations

from typing import Annotated

import typer

from syncd.cli.declare import command
from syncd.cli.session import Session
from syncd.errors import ExitCode, UsageError

Mappings = Annotated[
    list[str] | None, typer.Argument(metavar="MAPPING", help="Names of mappings; none: all that are enabled.")
]


def declare(app: typer.Typer) -> None:
    """Add the commands of this module."""
    command(
        app,
        "plan",
        examples=(
            "syncd plan",
            "syncd plan customer --full",
            "syncd plan --exit-code || echo 'there are changes'",
            "syncd plan --json | jq '.operations | length'",
        ),
    )(plan)
    command(
        app,
        "reconcile",
        examples=(
            "syncd reconcile",
            "syncd reconcile customer --full",
            "syncd reconcile --force        let a guard pass once, after a look at the plan",
            "syncd reconcile --json | jq .result",
        ),
    )(reconcile)
    command(
        app,
        "run",
        examples=("syncd run", "syncd --config /etc/syncd/syncd.toml run", "systemctl start syncd"),
    )(run)


def reconcile(
    session: Session,
    mapping: Mappings = None,
    *,
    full: Annotated[
        bool, typer.Option("--full", help="Compare every record of both sides, not only what changed.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Let a guard that halts the run pass once.")] = False,
    wait: Annotated[
        str, typer.Option("--wait", metavar="TIME", help="How long to wait for a mapping that another run holds.")
    ] = "30s",
) -> ExitCode:
    """Make both sides agree: one run, then exit.

    Reads what changed on both sides, writes what follows from it, and leaves a report. Exit code 3: done, but records
    are held or failed.
    """
    from syncd.cli.summary import print_run

    seconds = _seconds(wait)
    with session.output.progress() as progress:
        result = session.application().reconcile(mapping or [], full=full, force=force, wait=seconds, progress=progress)
    print_run(session, result)
    return result.exit_code


def plan(
    session: Session,
    mapping: Mappings = None,
    *,
    full: Annotated[
        bool, typer.Option("--full", help="Compare every record of both sides, not only what changed.")
    ] = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Answer 10 when a run would change anything.")] = False,
) -> ExitCode:
    """Show what a run would do; change nothing.

    Field by field: + a record is created, ~ changed, - deleted, = gets the other side's id and nothing else. Exit code
    4: the run would be halted by a guard.
    """
    from syncd.cli.summary import plan_code, print_plan

    with session.output.progress() as progress:
        result = session.application().plan(mapping or [], full=full, progress=progress)
    code = plan_code(result, changes=exit_code)
    print_plan(session, result, code)
    return code


def run(session: Session) -> ExitCode:
    """Run the daemon.

    It makes passes by schedule until SIGTERM or Ctrl+C; what is in flight is finished first.
    """
    return session.application().run_daemon()


def _seconds(text: str) -> float:
    from syncd.config.durations import DURATION_HINT, parse_duration

    given = text.strip()
    try:
        return parse_duration(float(given) if given.replace(".", "", 1).isdecimal() else given)
    except ValueError as error:
        raise UsageError(f"--wait {text}: {error}", hint=DURATION_HINT) from error
