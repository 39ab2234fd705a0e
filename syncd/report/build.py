"""RUN.json and RUN.html of one run, from the state store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

from syncd.errors import StateError
from syncd.ports.state import RunRecord, StateStore
from syncd.report.document import (
    Document,
    conflict_document,
    dump,
    failure_document,
    operation_documents,
    run_document,
    verdict_document,
)
from syncd.report.files import HTML_MARK, atomic
from syncd.report.html import MOST_OPERATIONS, Excerpt, Page, render
from syncd.report.model import RunSummary
from syncd.report.text import verdict_of

_PAGE = 500
"""Conflicts or failures that are written at once."""


def write_report(
    store: StateStore,
    run_id: str,
    directory: Path,
    *,
    site_urls: Mapping[str, str],
    record: RunRecord | None = None,
    redact: Callable[[str], str] = str,
    program: str = "syncd",
) -> Path:
    """Write RUN.json and RUN.html of a run into `directory`; returns the path of RUN.json.

    `site_urls` maps each mapping's name to `html.documents_url` of its site and DocType (empty: no links). `record` is
    the run as it will be entered in the run table, where that is not done yet; left out, it is read from the store.
    `redact` takes secrets out of error texts. Memory stays flat however many operations there are. Raises `StateError`
    when the run is unknown or the files cannot be written; neither file is ever there half.
    """
    found = record or store.run(run_id)
    if found is None:
        raise StateError(f"the state store holds no run {run_id}", hint="`syncd report list` names the runs it holds")
    summary = _summary(found, redact)
    names = list(summary.mappings)
    conflicts = [_redacted(conflict_document(each), redact) for name in names for each in store.conflicts(name)]
    failures = [_redacted(failure_document(each), redact) for name in names for each in store.failures(name)]
    excerpt = Excerpt(MOST_OPERATIONS)
    verdict = verdict_of(summary, program=program)
    path = directory / f"{found.id}.json"
    with atomic(path) as stream:
        head = {**run_document(summary), "full": summary.full, "verdict": verdict_document(verdict)}
        stream.write(dump(head)[:-1])
        _write_list(stream, "conflicts", _paged(conflicts))
        _write_list(stream, "failures", _paged(failures))
        _write_list(stream, "operations", _operations(store, found.id, excerpt, redact))
        stream.write(b"}\n")
    page = Page(
        summary=summary,
        verdict=verdict,
        conflicts=conflicts,
        failures=[failure for failure in failures if failure["state"] != "ignored"],
        operations=excerpt,
        site_urls=site_urls,
        program=program,
    )
    with atomic(path.with_suffix(".html")) as stream:
        stream.write(HTML_MARK + b"\n")
        render(page, stream)
    return path


def _summary(record: RunRecord, redact: Callable[[str], str]) -> RunSummary:
    summary = RunSummary.of_record(record)
    for counts in summary.mappings.values():
        counts.halt = {key: redact(text) for key, text in counts.halt.items()} if counts.halt else None
        counts.error = {key: redact(text) for key, text in counts.error.items()} if counts.error else None
    return summary


def _operations(
    store: StateStore, run_id: str, excerpt: Excerpt, redact: Callable[[str], str]
) -> Iterable[list[Document]]:
    for operation in store.operations(run_id):
        documents = operation_documents(operation)
        for document in documents:
            if document["error"] or document["hint"]:
                _redacted(document, redact)
        excerpt.add(documents)
        yield documents


def _paged(documents: list[Document]) -> Iterable[list[Document]]:
    return (documents[at : at + _PAGE] for at in range(0, len(documents), _PAGE))


def _write_list(stream: BinaryIO, name: str, pages: Iterable[list[Document]]) -> None:
    """`,"name":[…]` piece by piece, a line for each page."""
    stream.write(b',\n"' + name.encode() + b'":[')
    separator = b"\n"
    for page in pages:
        if page:
            stream.write(separator + dump(page)[1:-1])
            separator = b",\n"
    stream.write(b"]")


def _redacted(document: Document, redact: Callable[[str], str]) -> Document:
    for key in ("error", "hint", "text"):
        if document.get(key):
            document[key] = redact(document[key])
    return document
