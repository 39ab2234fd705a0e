"""Paths of the API to operations: resources, methods, and the same under /api/v1 and /api/v2."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from . import lifecycle, listing, operations, rpc
from .answers import Answer, refusal, router_page, success
from .documents import answer, get, load
from .errors import RouteError, SiteError
from .meta import DocTypeMeta
from .permissions import check_document, without_unreadable
from .requests import Incoming, authenticated, document_in, not_allowed, not_found
from .session import Session, User
from .site import Site

_PREFIXES = (("/api/v2/", 2), ("/api/v1/", 1), ("/api/", 1))
_RUN_METHODS = {"submit": operations.submit, "cancel": operations.cancel}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """What a request asks for, ready to run in a session."""

    run: Callable[[Session], Any]
    writes: bool
    key: str = "data"
    status: int = 200


def serve_request(site: Site, incoming: Incoming, stamp_at: datetime | None = None) -> Answer:
    """Answer one request. `stamp_at`: the stamp that its writes get, where it is not the present time."""
    user = site.guest
    version = 2 if incoming.path.startswith("/api/v2/") else 1
    said: list[dict[str, Any]] = []
    try:
        user = authenticated(site, incoming.headers)
        task = _task(incoming, version)
        made = _run(site, user, task, version, stamp_at, said)
    except RouteError as error:
        made = router_page(error)
    except SiteError as error:
        trace = f"Traceback (most recent call last):\n{error.exception}"
        made = refusal(error, said, version=version, traceback=trace)
    except Exception as error:  # noqa: BLE001 - a real site answers 500 with the class of whatever went wrong
        failure = SiteError(500, type(error).__name__, str(error), module="")
        made = refusal(failure, said, version=version, traceback=traceback.format_exc())
    made.user = user.name
    return made


def _run(
    site: Site, user: User, task: _Task, version: int, stamp_at: datetime | None, said: list[dict[str, Any]]
) -> Answer:
    opened = site.writing(user, stamp_at) if task.writes else site.reading(user)
    with opened as session:
        session.messages = said
        value = task.run(session)
    documents = len(value) if isinstance(value, list) else int(isinstance(value, dict))
    empty = value is rpc.NOTHING
    return success(task.status, task.key, value, said, version=version, documents=documents, empty=empty)


def _task(incoming: Incoming, version: int) -> _Task:
    path = incoming.path
    if "\n" in path or "\t" in path:
        raise not_found()
    for prefix, number in _PREFIXES:
        if path.startswith(prefix) and number == version:
            kind, _, rest = path.removeprefix(prefix).partition("/")
            break
    else:
        raise not_found()
    if incoming.names_method:
        return _method_task(incoming, str(incoming.form().get("cmd")), version)
    if kind == "method" and rest:
        return _method_task(incoming, rest.partition("/")[0], version)
    if kind == ("document" if version == 2 else "resource") and rest:
        doctype, _, name = rest.partition("/")
        if not name:
            return _doctype_task(incoming, doctype, version)
        name = name.removesuffix("/")  # a slash at the end belongs to the path, not to the name
        if name.strip("/") != name or not name:
            raise SiteError(404, "DoesNotExistError")
        return _document_task(incoming, doctype, name, version)
    if kind == "doctype" and version == 2:
        return _metadata_task(incoming, rest)
    raise SiteError(404, "PageDoesNotExistError")


def _method_task(incoming: Incoming, name: str, version: int) -> _Task:
    form = incoming.form()
    method = rpc.find_method(name)

    def run(session: Session) -> Any:
        rpc.check_guest(session, name, method)
        if method.writes and incoming.method not in ("POST", "PUT"):
            raise SiteError(403, "PermissionError", "Not permitted")
        return method.run(session, form)

    key = "data" if version == 2 and method.key == "message" else method.key
    return _Task(run=run, writes=method.writes and incoming.method in ("POST", "PUT"), key=key)


def _doctype_task(incoming: Incoming, doctype: str, version: int) -> _Task:
    if incoming.method == "GET":
        query = listing.query_of(doctype, incoming.form(), short_limit=True)
        return _Task(run=lambda session: listing.find(session, query), writes=False)
    if incoming.method != "POST":
        raise not_allowed()
    form = incoming.form()
    values = document_in(form) if version == 1 or isinstance(form.get("data"), list) else form

    def create(session: Session) -> dict[str, Any]:
        return answer(session, operations.create(session, doctype, values), nulls=False)

    return _Task(run=create, writes=True)


def _document_task(incoming: Incoming, doctype: str, name: str, version: int) -> _Task:
    verb = incoming.method
    if verb == "GET":
        return _Task(run=lambda session: _read(session, doctype, name), writes=False)
    if verb == "DELETE":
        return _Task(run=lambda session: _delete(session, doctype, name), writes=True, status=202)
    if verb == "PUT" or (verb == "PATCH" and version == 2):
        values = document_in(incoming.form())
        return _Task(run=lambda session: _update(session, doctype, name, values), writes=True)
    if verb == "POST" and version == 1:
        return _run_method_task(incoming, doctype, name)
    raise not_allowed()


def _run_method_task(incoming: Incoming, doctype: str, name: str) -> _Task:
    form = incoming.form()
    if "run_method" not in form:
        raise SiteError(500, "KeyError", "'run_method'", module="")
    run = _RUN_METHODS.get(str(form["run_method"]))
    if run is None:
        raise not_found()
    return _Task(run=lambda session: answer(session, run(session, doctype, name), nulls=False), writes=True)


def _metadata_task(incoming: Incoming, rest: str) -> _Task:
    if incoming.method != "GET":
        raise not_allowed()
    doctype, _, what = rest.rpartition("/")
    if what == "meta":
        return _Task(run=lambda session: rpc.merged(session, doctype), writes=False)
    if what == "count":
        filters = incoming.form().get("filters")
        return _Task(run=lambda session: listing.count(session, doctype, filters), writes=False)
    raise SiteError(404, "PageDoesNotExistError")


def _read(session: Session, doctype: str, name: str) -> dict[str, Any]:
    meta = session.meta(doctype)
    document = load(session, meta, meta.name) if meta.issingle else None
    if meta.issingle:
        check_document(session, meta, "read", None)
    document = document or get(session, meta, name)
    _check_readable(session, meta, document)
    return answer(session, without_unreadable(session, document), nulls=False)


def _check_readable(session: Session, meta: DocTypeMeta, document: dict[str, Any]) -> None:
    if not meta.istable:
        check_document(session, meta, "read", document)


def _update(session: Session, doctype: str, name: str, values: dict[str, Any]) -> dict[str, Any]:
    return answer(session, operations.update(session, doctype, name, values), nulls=False)


def _delete(session: Session, doctype: str, name: str) -> str:
    lifecycle.delete(session, session.meta(doctype), name)
    return "ok"
