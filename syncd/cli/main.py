"""The program `syncd`: parses the command line, runs the command, and turns what goes wrong into text and exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from inspect import Parameter
from io import TextIOWrapper
from typing import Annotated, NoReturn

import typer

from syncd import __version__
from syncd.cli import conflicts, failures, inspect, mapping, run, sandbox, setup, state
from syncd.cli.declare import group_default, new_typer
from syncd.cli.explain import Explanation, explain
from syncd.cli.session import Opener, Session, open_application
from syncd.errors import ExitCode

TEXT = """Keep ERPNext and your other systems the same, in both directions.

A deployment is a folder with syncd.toml and mappings/*.toml. Look before you leap: check, then plan, then reconcile.

Exit codes: 0 done, 2 usage or configuration, 3 records are held or failed, 4 halted by a guard, 5 a site or source
could not be reached, 6 another run holds the mapping, 10 plan found changes (--exit-code), 130 interrupted, 1 a defect.
"""
EXAMPLES = (
    "syncd init shop && cd shop     a new deployment",
    "syncd check                    would a run work?",
    "syncd plan                     what would it do?",
    "syncd reconcile                do it",
    "syncd run                      the daemon",
)


def _show_version(ctx: typer.Context, value: bool) -> None:  # noqa: FBT001 - typer calls it so
    if not value:
        return
    session = ctx.obj
    if isinstance(session, Session) and session.json:
        session.output.document({"schema": "syncd.version/1", "version": __version__})
    else:
        sys.stdout.write(f"syncd {__version__}\n")
    raise typer.Exit


def _program() -> typer.Typer:
    """The whole command line."""
    app = new_typer()
    version = Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_show_version)
    ]
    own = [Parameter("version", Parameter.KEYWORD_ONLY, default=False, annotation=version)]
    group_default(app, text=TEXT, examples=EXAMPLES, own=own)
    setup.declare(app)
    mapping.declare(app)
    run.declare(app)
    inspect.declare(app)
    conflicts.declare(app)
    failures.declare(app)
    state.declare(app)
    sandbox.declare(app)
    return app


def call(arguments: Sequence[str], *, opener: Opener = open_application) -> int:
    """Run one command line (without the program's name); prints, and returns the exit code."""
    before_end = arguments[: list(arguments).index("--")] if "--" in arguments else arguments
    session = Session(opener, json="--json" in before_end)
    try:
        try:
            task = _program()(list(arguments), prog_name="syncd", obj=session, standalone_mode=False)
            return int(task() if callable(task) else task or ExitCode.OK)
        finally:
            session.close()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the one place where every error ends
        session.verbose = session.verbose or "--verbose" in before_end
        explanation = explain(error, session.redact)
        _print(session, explanation)
        return int(explanation.exit_code)


def _print(session: Session, explanation: Explanation) -> None:
    if session.json:
        session.output.document(explanation.document)
    else:
        _complain(explanation.text)
    if session.verbose and explanation.traceback:
        _complain(explanation.traceback)


def _complain(text: str) -> None:
    from syncd.report.text import printable

    sys.stderr.write("".join(printable(line) + "\n" for line in text.rstrip("\n").split("\n")))


def main() -> NoReturn:
    """The console script."""
    for stream in (sys.stdout, sys.stderr):
        # Names in any script are printed; a terminal that cannot show one gets an escape, never an exception.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(call(sys.argv[1:]))
