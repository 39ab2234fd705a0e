"""The sandbox's own routes under `/_sandbox/`: health, faults, clock, log, edits behind the API's back."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from . import demo, jobs, lifecycle, loading, people, saving
from .database import quoted
from .errors import SiteError
from .faults import read_rule
from .session import Session, User
from .site import Site

Action = Callable[[Site, dict[str, Any]], Any]


def _health(site: Site, _: dict[str, Any]) -> Any:
    return site.state()


def _faults(site: Site, _: dict[str, Any]) -> Any:
    locked = site.faults.locks()
    return {"rules": site.faults.state(), "locked": locked, "rate_limit_reset": site.faults.rate_limit_reset}


def _add_fault(site: Site, values: dict[str, Any]) -> Any:
    site.faults.add(read_rule(values))
    return _faults(site, {})


def _clear_faults(site: Site, _: dict[str, Any]) -> Any:
    site.faults.clear()
    return _faults(site, {})


def _rate_limit(site: Site, values: dict[str, Any]) -> Any:
    reset = values.get("reset")
    site.faults.limit(None if reset is None else int(reset))
    return _faults(site, {})


def _log(site: Site, values: dict[str, Any]) -> Any:
    return site.log.as_json(int(values.get("since", 0)))


def _reset_log(site: Site, _: dict[str, Any]) -> Any:
    site.log.reset()
    return {"mark": 0}


def _clock(site: Site, values: dict[str, Any]) -> Any:
    unknown = set(values) - {"offset_seconds", "freeze", "unfreeze", "zone"}
    if unknown:
        raise ValueError(f"unknown key {min(unknown)!r}: offset_seconds, freeze, unfreeze or zone")
    if "zone" in values:
        try:
            site.change_zone(values["zone"])
        except ZoneInfoNotFoundError:
            raise ValueError(f"there is no zone {values['zone']!r}") from None
    if "offset_seconds" in values:
        site.clock.shift(float(values["offset_seconds"]))
    if values.get("freeze"):
        site.clock.freeze(values["freeze"] if isinstance(values["freeze"], str) else None)
    if values.get("unfreeze"):
        site.clock.unfreeze()
    return {"now": site.clock.stamp(), "zone": site.clock.zone}


def _edit(site: Site, values: dict[str, Any]) -> Any:
    """Write fields past every check, as another user, with or without moving the stamp."""
    user = User(str(values.get("user") or site.administrator.name), site.administrator.roles)
    with site.writing(user) as session:
        meta = session.meta(values["doctype"])
        name = session.exists(meta.name, values["name"])
        if name is None:
            raise ValueError(f"{meta.name} {values['name']} is not there")
        bump = bool(values.get("bump", True))
        saving.set_directly(session, meta, name, values["values"], bump=bump)
        row = session.one(f"SELECT modified FROM {quoted(meta.table)} WHERE name = ?", name)
    return {"name": name, "modified": row[0] if row else None}


def _bulk_load(site: Site, values: dict[str, Any]) -> Any:
    with site.writing() as session:
        return {"loaded": loading.load_rows(session, values["doctype"], values["rows"], values.get("stamp"))}


def _delete(site: Site, values: dict[str, Any]) -> Any:
    """Take a document away without a trace."""
    with site.writing() as session:
        meta = session.meta(values["doctype"])
        lifecycle.remove(session, meta, values["name"])
    return {"deleted": values["name"]}


def _act(site: Site, values: dict[str, Any]) -> Any:
    """Let a person do something at the desk: the checks of the API hold, the roles are every role."""
    user = User(str(values.get("user") or "person@example.com"), site.administrator.roles)
    with site.writing(user) as session:
        name, changes = str(values.get("name") or ""), dict(values.get("values") or {})
        return people.act(session, str(values["action"]), str(values["doctype"]), name, changes)


def _job(run: Callable[[Session], int]) -> Action:
    def action(site: Site, _: dict[str, Any]) -> Any:
        with site.writing() as session:
            return {"changed": run(session)}

    return action


def _lock(site: Site, values: dict[str, Any]) -> Any:
    """Lock a document as a background job does, or let it go (`locked` false)."""
    site.faults.lock(str(values["doctype"]), str(values["name"]), locked=bool(values.get("locked", True)))
    return {"locked": site.faults.locks()}


def _demo(site: Site, _: dict[str, Any]) -> Any:
    """Fill in a few customers, suppliers and items with prices."""
    with site.writing() as session:
        return {"added": demo.add_trade(session)}


def _from_this_machine(request: Request) -> bool:
    """Whether the client is on loopback (a client without an address is in this process)."""
    try:
        return request.client is None or ip_address(request.client.host).is_loopback
    except ValueError:
        return True


def _route(site: Site, path: str, method: str, action: Action) -> Route:
    async def endpoint(request: Request) -> Response:
        if not _from_this_machine(request):
            return Response(orjson.dumps({"error": "only from this machine"}), 403, media_type="application/json")
        body = await request.body()
        try:
            values = {**request.query_params, **(orjson.loads(body) if body else {})}
            result = await run_in_threadpool(action, site, values)
        except (ValueError, KeyError, TypeError, SiteError, sqlite3.Error) as error:
            text = f"missing key {error}" if isinstance(error, KeyError) else str(error)
            return Response(orjson.dumps({"error": text}), 400, media_type="application/json")
        return Response(orjson.dumps(result), media_type="application/json")

    return Route(f"/_sandbox/{path}", endpoint, methods=[method])


def admin_routes(site: Site) -> list[Route]:
    """The routes; they ask for no credentials and answer clients on this machine only."""
    table: tuple[tuple[str, str, Action], ...] = (
        ("health", "GET", _health),
        ("faults", "GET", _faults),
        ("faults", "POST", _add_fault),
        ("faults", "DELETE", _clear_faults),
        ("rate_limit", "POST", _rate_limit),
        ("log", "GET", _log),
        ("log/reset", "POST", _reset_log),
        ("clock", "POST", _clock),
        ("edit", "POST", _edit),
        ("bulk_load", "POST", _bulk_load),
        ("delete", "POST", _delete),
        ("act", "POST", _act),
        ("lock", "POST", _lock),
        ("demo", "POST", _demo),
        ("jobs/hourly", "POST", _job(jobs.rename_ledger_entries)),
        ("jobs/daily", "POST", _job(jobs.mark_overdue)),
    )
    return [_route(site, path, method, action) for path, method, action in table]
