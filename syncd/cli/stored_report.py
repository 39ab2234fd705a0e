"""Reports as they lie on disk, read back for `syncd report show`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from syncd.errors import StateError, UsageError
from syncd.ports.state import RunRecord
from syncd.report.document import own_values
from syncd.report.model import RunSummary
from syncd.report.text import number, printable, record_text, summary_text, value_text, verdict_of

_SHOWN = 200
"""Operations, conflicts and failures that the text shows; --format json gives all."""


def missing(path: Path | None, record: RunRecord) -> UsageError:
    """Why there is no file to show."""
    if path is None:
        return UsageError(
            f"run {record.id} left no report: it found nothing to do",
            hint="`syncd report list` tells which runs have one",
        )
    return UsageError(
        f"the report {path} is not there any more: it was removed, by hand or by `keep` under [reports]",
        hint="--format text still shows the numbers of the run, which are in the state store",
    )


def read_report(path: Path | None, record: RunRecord) -> bytes:
    """A report file's bytes. Raises `UsageError` when there is none, `StateError` when it cannot be read."""
    if path is None or not path.is_file():
        raise missing(path, record)
    try:
        return path.read_bytes()
    except OSError as error:
        hint = "make it readable for this user"
        raise StateError(f"the report {path} cannot be read: {error.strerror}", hint=hint) from error


def report_text(record: RunRecord, path: Path | None, program: str) -> str:
    """A run for a terminal: its numbers from the state store, the rest from its file where that is there."""
    summary = RunSummary.of_record(record)
    text = summary_text(summary, verdict_of(summary, program=program), report=str(path or ""))
    if path is None:
        return text
    if not path.is_file():
        return f"{text}\n{missing(path, record).message}"
    try:
        document = orjson.loads(read_report(path, record))
    except orjson.JSONDecodeError as error:
        hint = "the numbers of the run are in the state store: `syncd report list`"
        raise StateError(f"the report {path} is damaged: {error}", hint=hint) from error
    parts = (
        _section("Held", document.get("conflicts", ()), _conflict_lines),
        _section("Failed", [each for each in document.get("failures", ()) if not _is_ignored(each)], _failure_lines),
        _section("Operations", document.get("operations", ()), _operation_lines),
    )
    return "\n".join([text, *(line for part in parts for line in part)])


def _section(title: str, documents: list[dict[str, Any]], lines: Any) -> Iterator[str]:
    if not documents:
        return
    yield ""
    yield f"{title} ({len(documents):,})"
    for document in documents[:_SHOWN]:
        yield from lines(document)
    if len(documents) > _SHOWN:
        yield f"  … and {number(len(documents) - _SHOWN, 'more', 'more')}: --format json shows all"


def _head(document: dict[str, Any]) -> str:
    return f"{printable(document['mapping'])}  {record_text(document['external_id'], document['erpnext_name'])}"


def _conflict_lines(conflict: dict[str, Any]) -> Iterator[str]:
    yield f"  {conflict['id']}  {_head(conflict)}  {printable(conflict['text'] or conflict['kind'])}"
    if conflict["kind"] == "match":
        for name, held in own_values(conflict):
            yield f"      {printable(name)}: {value_text(held)}"
        return
    for field in conflict["fields"]:
        base, erpnext, source = (value_text(field.get(side)) for side in ("base", "erpnext", "source"))
        yield f"      {printable(str(field.get('field', '')))}: was {base}, ERPNext {erpnext}, source {source}"


def _is_ignored(failure: dict[str, Any]) -> bool:
    return bool(failure.get("state") == "ignored")


def _failure_lines(failure: dict[str, Any]) -> Iterator[str]:
    place = "ERPNext" if failure["side"] == "erpnext" else "the source"
    yield f"  {_head(failure)}  {failure['action']} in {place}: {printable(failure['error'])}"
    if failure["hint"]:
        yield f"      → {printable(failure['hint'])}"


def _operation_lines(operation: dict[str, Any]) -> Iterator[str]:
    place = "ERPNext" if operation["side"] == "erpnext" else "source"
    yield f"  {operation['action']:<8} {place:<8} {_head(operation)}  {operation['result']}"
    for change in operation["changes"]:
        old, new = value_text(change["old"]), value_text(change["new"])
        yield f"      {printable(change['field'])}: {old} → {new}"
    if operation["error"]:
        yield f"      {printable(operation['error'])}"
