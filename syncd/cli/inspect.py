"""`syncd status` and `syncd report`: what the state store and the report files tell, without site or source."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli.declare import command, group_default, new_typer
from syncd.cli.session import Session
from syncd.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from syncd.app.results import MappingStatus
    from syncd.ports.state import RunRecord

_STYLES = {"in_sync": "green", "attention": "yellow", "halted": "bold red", "failed": "bold red"}
_LISTED = 20


class ReportFormat(enum.Enum):
    """Forms of a report."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"


RunId = Annotated[
    str | None, typer.Argument(metavar="RUN", help="A run, or how its id begins; none: the newest with a report.")
]


def declare(app: typer.Typer) -> None:
    """Add the commands of this module."""
    command(app, "status", examples=("syncd status", "syncd status --json | jq '.mappings[].held'"))(status)
    report = new_typer()
    group_default(
        report,
        text="Read the reports of runs.\n\nOffline: no site, no source, no daemon. Without a command: list.",
        examples=("syncd report", "syncd report show", "syncd report open"),
        default=report_list,
    )
    command(report, "list", examples=("syncd report list", "syncd report list --limit 100"))(report_list)
    command(
        report,
        "show",
        examples=(
            "syncd report show                        the newest, as text",
            "syncd report show 0198c --format json    the run whose id begins so",
            "syncd report show --format html > run.html",
        ),
    )(report_show)
    command(report, "open", examples=("syncd report open", "syncd report open 0198c"))(report_open)
    app.add_typer(report, name="report")


def status(session: Session) -> ExitCode:
    """Show how each mapping stands.

    Last run, lag, pairs, held, failed, next run; works offline, and while the daemon runs.
    """
    mappings = session.application(offline=True).status()
    if session.json:
        session.output.document(
            {"schema": "syncd.status/1", "mappings": [_status_document(mapping) for mapping in mappings]}
        )
        return ExitCode.OK
    heads = ("mapping", "last run", "result", "lag", "pairs", "held", "failed", "unmatched", "ended", "next run")
    session.output.table(heads, [_status_row(mapping) for mapping in mappings], styles=_STYLES)
    for mapping in mappings:
        if mapping.halt:
            session.output.show(f"{mapping.mapping} is halted: {mapping.halt}")
    if any(mapping.held for mapping in mappings):
        session.output.show(f"`{session.program} conflicts list` shows what is held.")
    if any(mapping.failed for mapping in mappings):
        session.output.show(f"`{session.program} failures list` shows what failed, and why.")
    return ExitCode.OK


def _status_row(mapping: MappingStatus) -> tuple[str, ...]:
    from syncd.report.text import duration_text, moment_text

    counts = (mapping.pairs, mapping.held, mapping.failed, mapping.unmatched, mapping.ended)
    return (
        mapping.mapping if mapping.enabled else f"{mapping.mapping} (disabled)",
        moment_text(mapping.last_run),
        mapping.last_result or "never ran",
        duration_text(mapping.lag),
        *(f"{count:,}" for count in counts),
        moment_text(mapping.next_run),
    )


def _status_document(mapping: MappingStatus) -> dict[str, object]:
    from syncd.report.model import utc_text

    return {
        "mapping": mapping.mapping,
        "enabled": mapping.enabled,
        "last_run": utc_text(mapping.last_run),
        "last_result": mapping.last_result,
        "last_full": utc_text(mapping.last_full),
        "next_run": utc_text(mapping.next_run),
        "lag": mapping.lag,
        "pairs": mapping.pairs,
        "held": mapping.held,
        "failed": mapping.failed,
        "unmatched": mapping.unmatched,
        "ended": mapping.ended,
        "halt": mapping.halt,
    }


def report_list(
    session: Session,
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many runs, the newest first.")] = _LISTED,
) -> ExitCode:
    """List the newest runs; one without a report found nothing to do."""
    runs = session.application(offline=True).store().runs(limit)
    if session.json:
        session.output.document({"schema": "syncd.reports/1", "runs": [_run_document(run) for run in runs]})
        return ExitCode.OK
    if not runs:
        session.output.show(f"There is no run yet. `{session.program} reconcile` makes one.")
        return ExitCode.OK
    heads = ("run", "started", "took", "result", "mappings", "written", "held", "failed", "report")
    session.output.table(heads, [_run_row(run) for run in runs], styles=_STYLES)
    return ExitCode.OK


def _run_row(run: RunRecord) -> tuple[str, ...]:
    from syncd.report.model import RunSummary
    from syncd.report.text import duration_text, moment_text

    summary = RunSummary.of_record(run)
    return (
        run.id,
        moment_text(run.started),
        duration_text(summary.seconds),
        run.result or "not ended",
        ", ".join(summary.mappings),
        f"{summary.writes:,}",
        f"{summary.held:,}",
        f"{summary.failed:,}",
        "yes" if run.report else "no",
    )


def _run_document(run: RunRecord) -> dict[str, object]:
    from syncd.report.document import run_document
    from syncd.report.model import RunSummary

    document = run_document(RunSummary.of_record(run))
    del document["schema"]
    return {**document, "full": run.full, "report": run.report or None}


def report_show(
    session: Session,
    run: RunId = None,
    *,
    form: Annotated[
        ReportFormat, typer.Option("--format", help="text for a terminal, json and html as the files are.")
    ] = ReportFormat.TEXT,
) -> ExitCode:
    """Print the report of one run."""
    from syncd.cli.stored_report import read_report, report_text

    record = _chosen(session, run)
    if session.json:
        form = ReportFormat.JSON
    path = _file(session, record)
    if form is ReportFormat.HTML:
        session.output.raw(read_report(path.with_suffix(".html") if path else None, record))
    elif form is ReportFormat.JSON and path is None:
        session.output.document({"schema": "syncd.run/1", **_run_document(record)})
    elif form is ReportFormat.JSON:
        session.output.raw(read_report(path, record))
    else:
        session.output.show(report_text(record, path, session.program))
    return ExitCode.OK


def report_open(session: Session, run: RunId = None) -> ExitCode:
    """Open the page of one run in the browser."""
    import webbrowser

    from syncd.cli.stored_report import missing

    record = _chosen(session, run)
    path = _file(session, record)
    page = path.with_suffix(".html") if path else None
    if page is None or not page.is_file():
        raise missing(page, record)
    opened = webbrowser.open(page.resolve().as_uri())
    if session.json:
        session.output.document({"schema": "syncd.report_open/1", "file": str(page), "opened": opened})
    elif opened:
        session.output.say(f"opened {page}")
    else:
        session.output.show(f"no browser was found here; the page is {page}")
    return ExitCode.OK


def _chosen(session: Session, run: str | None) -> RunRecord:
    """The run that is meant; without a name the newest that has a report, else the newest."""
    store = session.application(offline=True).store()
    if run is not None:
        found = store.run(run)
        if found is None:
            hint = (
                f"`{session.program} report list` names the runs; the beginning of an id is enough if only one has it"
            )
            raise UsageError(f"there is no run {run!r}, or several begin so", hint=hint)
        return found
    runs = store.runs(1_000)
    if not runs:
        raise UsageError("there is no run yet", hint=f"`{session.program} reconcile` makes one")
    return next((each for each in runs if each.report), runs[0])


def _file(session: Session, record: RunRecord) -> Path | None:
    return session.application(offline=True).deployment.directory / record.report if record.report else None
