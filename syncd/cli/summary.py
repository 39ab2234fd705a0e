"""What `reconcile` prints."""

from __future__ import annotations

from pathlib import Path

from syncd.app.results import RunResult
from syncd.cli.session import Session
from syncd.errors import ExitCode
from syncd.report.document import run_document
from syncd.report.model import RunSummary
from syncd.report.text import summary_text, verdict_of


def print_run(session: Session, result: RunResult) -> None:
    """A run's result: the contract's JSON, or a text that explains itself; --quiet prints it only where it asks for
    somebody.
    """
    summary = RunSummary(
        run=result.run,
        started=result.started,
        finished=result.finished,
        result=result.result.value,
        mappings=result.mappings,
    )
    if session.json:
        session.output.document(run_document(summary))
        return
    verdict = verdict_of(summary, program=session.program, interrupted=result.exit_code is ExitCode.INTERRUPTED)
    text = summary_text(summary, verdict, report=_near(result.html or result.report))
    if result.exit_code is ExitCode.OK:
        session.output.say(text)
    else:
        session.output.show(text)


def _near(path: str) -> str:
    """A path as a person in the current directory would type it."""
    given = Path(path)
    return str(given.relative_to(Path.cwd())) if path and given.is_relative_to(Path.cwd()) else path
