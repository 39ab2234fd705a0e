"""`syncd sandbox`: the embedded stand-in for an ERPNext site."""

from __future__ import annotations

import socket
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

import typer

from syncd.cli.declare import command, group_default, new_typer
from syncd.cli.session import Session
from syncd.errors import ExitCode, UsageError

_HOST = "127.0.0.1"

Database = Annotated[
    Path | None, typer.Option("--database", metavar="FILE", help="Where the sandbox keeps its documents.")
]


def declare(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = new_typer()
    group_default(
        group,
        text="Run a stand-in for an ERPNext site.\n\nIt is embedded: try things out away from production.",
        examples=("syncd sandbox serve --port 8000", "syncd sandbox reset"),
    )
    command(
        group,
        "serve",
        examples=(
            "syncd sandbox serve --port 8000                        documents are gone when it ends",
            "syncd sandbox serve --port 8000 --database site.db     documents are kept",
            "curl -H 'Authorization: token full:full' http://127.0.0.1:8000/api/resource/Customer",
        ),
    )(sandbox_serve)
    command(
        group,
        "reset",
        examples=("syncd sandbox reset --yes", "syncd sandbox reset --database site.db"),
    )(sandbox_reset)
    app.add_typer(group, name="sandbox")


def sandbox_serve(
    session: Session,
    *,
    port: Annotated[int, typer.Option("--port", min=1, max=65_535, help="Port on 127.0.0.1.")] = 8000,
    database: Database = None,
) -> ExitCode:
    """Serve a sandbox until SIGTERM or Ctrl+C. Needs no deployment.

    API users: full:full has every role, limited:limited is a Sales User. Without --database it starts afresh, and
    everything is gone when it ends.
    """
    from syncd.adapters.sandbox import serve

    _require_free(port)
    url = f"http://{_HOST}:{port}"
    with ExitStack() as stack:
        place = database
        if place is None:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="syncd-sandbox-"))) / "sandbox.db"
        if session.json:
            session.output.document({"schema": "syncd.sandbox/1", "url": url, "database": str(database or "")})
        else:
            kept = f"documents in {database}" if database else "documents are gone when it ends"
            session.output.say(f"Sandbox: {url} (API users full:full and limited:limited; {kept}). Ctrl+C stops it.")
        serve(place, port)
    return ExitCode.OK


def _require_free(port: int) -> None:
    """Raises `UsageError` when nothing can listen there: said before the URL is."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            hint = "choose another --port, or stop what listens there"
            raise UsageError(f"port {port} of {_HOST} cannot be used: {error.strerror}", hint=hint) from error


def sandbox_reset(
    session: Session,
    *,
    database: Database = None,
    site: Annotated[
        str | None, typer.Option("--site", metavar="NAME", help="Which sandbox:// site, where there are several.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> ExitCode:
    """Remove a sandbox's documents; its next start is a fresh company.

    Takes the deployment's sandbox:// site, or the file named by --database. Pairs in the state store stay.
    """
    from syncd.adapters.sandbox import reset

    path = database or _site_database(session, site)
    if not path.exists():
        raise UsageError(f"{path} is not there: nothing to remove")
    if not yes:
        _confirm(session, path)
    reset(path)
    if session.json:
        session.output.document({"schema": "syncd.sandbox_reset/1", "database": str(path)})
    else:
        session.output.say(f"Removed the documents of {path}.")
    return ExitCode.OK


def _confirm(session: Session, path: Path) -> None:
    if session.json or not sys.stdin.isatty():
        raise UsageError(f"this removes every document of {path}", hint="add --yes if that is what you want")
    if not typer.confirm(f"Remove every document of {path}?", err=True):
        raise UsageError("nothing was removed")


def _site_database(session: Session, site: str | None) -> Path:
    """The file of the deployment's sandbox site. Raises `UsageError` when it is not clear which one is meant."""
    deployment = session.application().deployment
    found = {name: each.url for name, each in deployment.settings.sites.items() if each.url.startswith("sandbox:")}
    if site is not None:
        if site not in found:
            known = ", ".join(found) or "none"
            raise UsageError(f"--site {site}: no such sandbox:// site in syncd.toml", hint=f"there is: {known}")
        return sandbox_file(found[site], deployment.directory)
    if not found:
        raise UsageError("no site of this deployment is a sandbox", hint="name a file: --database FILE")
    if len(found) > 1:
        raise UsageError("this deployment has several sandboxes", hint="choose: --site " + " or --site ".join(found))
    return sandbox_file(next(iter(found.values())), deployment.directory)


def sandbox_file(url: str, directory: Path) -> Path:
    """`sandbox:///state/sandbox.db` is relative to `directory`; `sandbox:////var/lib/x.db` is absolute."""
    return directory / unquote(urlsplit(url).path).removeprefix("/")
