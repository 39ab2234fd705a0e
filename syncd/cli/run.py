"""`syncd plan`, `syncd reconcile` and `syncd run`."""

from __future__ import annotations

from pathlib import Path
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
            "syncd plan --out friday.plan                    for `syncd reconcile --plan friday.plan`",
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
            "syncd reconcile --plan friday.plan    exactly that plan",
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
    plan: Annotated[
        Path | None,
        typer.Option("--plan", metavar="FILE", help="Do exactly the plan that `syncd plan --out FILE` wrote."),
    ] = None,
) -> ExitCode:
    """Make both sides agree: one run, then exit.

    Reads what changed on both sides, writes what follows from it, and leaves a report. Exit code 3: done, but records
    are held or failed. With --plan nothing else is written than that plan names, and what has changed since the plan
    was made is left untouched, and named.
    """
    from syncd.cli.summary import print_run

    seconds = _seconds(wait)
    if plan is not None and (mapping or full):
        raise UsageError(
            f"--plan {plan} stands alone: the plan says itself which mappings it is over, and whether it is a full one",
            hint="Leave the mappings and --full out.",
        )
    with session.output.progress() as progress:
        application = session.application()
        if plan is not None:
            result = application.carry_out(plan, force=force, wait=seconds, progress=progress)
        else:
            result = application.reconcile(mapping or [], full=full, force=force, wait=seconds, progress=progress)
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
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write the plan into FILE too, for `syncd reconcile --plan FILE`."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Let a file that is there go (--out).")] = False,
) -> ExitCode:
    """Show what a run would do; change nothing.

    Field by field: + a record is created, ~ changed, - deleted or cancelled, -/+ amended, = gets the other side's id
    and nothing else. Exit code 4: the run would be halted by a guard; then no file is written either.
    """
    from syncd.cli.plan_text import plan_code, print_plan

    if out is not None and out.exists() and not force:
        raise UsageError(
            f"{out}: there is a file of that name", hint="Name another one with --out, or let it go with --force."
        )
    with session.output.progress() as progress:
        result = session.application().plan(mapping or [], full=full, progress=progress)
    code = plan_code(result, changes=exit_code)
    written = out if out is not None and not (result.halts or result.errors) else None
    if written is not None:
        session.application().save_plan(result, mapping or [], written, full=full, force=force)
    print_plan(session, result, code, file=written)
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
