"""One request's view of the site: who asks, through which connection, and what will be told beside the answer."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .clock import STAMP_FORMAT
from .errors import SiteError, no_module
from .meta import DocTypeMeta

if TYPE_CHECKING:
    from .site import Site

Document = dict[str, Any]
GUEST = "Guest"


@dataclass(frozen=True, slots=True)
class User:
    """An API user: its e-mail address and its roles."""

    name: str
    roles: frozenset[str]


@dataclass(slots=True)
class Session:
    """State of one request. `stamp_at` set: every stamp is this one (a commit that comes late)."""

    site: Site
    user: User
    connection: sqlite3.Connection
    stamp_at: datetime | None = None
    messages: list[dict[str, Any]] = field(default_factory=list)
    metadata_changed: bool = False

    def meta(self, doctype: str) -> DocTypeMeta:
        """The DocType. Raises the site's 500 ImportError where there is none."""
        meta = self.site.metadata.get(doctype, self.connection)
        if meta is None:
            raise no_module(doctype)
        return meta

    def now(self) -> datetime:
        """The site-local time of this request."""
        return self.stamp_at if self.stamp_at is not None else self.site.clock.now()

    def stamp(self) -> str:
        """`now` as `YYYY-MM-DD HH:MM:SS.ffffff`."""
        return self.now().strftime(STAMP_FORMAT)

    def message(self, text: str, *, title: str = "Message", **more: Any) -> None:
        """Tell something beside the answer (`_server_messages`)."""
        self.messages.append({"message": text, "title": title, **more})

    def one(self, query: str, *params: Any) -> tuple[Any, ...] | None:
        """First row of a query."""
        row: tuple[Any, ...] | None = self.connection.execute(query, params).fetchone()
        return row

    def value(self, doctype: str, name: object, column: str) -> Any:
        """One stored value of one document; None where there is no such document."""
        row = self.one(f'SELECT "{column}" FROM "tab{doctype}" WHERE name = ?', name)
        return row[0] if row else None

    def exists(self, doctype: str, name: object) -> str | None:
        """The name as it is stored, or None."""
        row = self.one(f'SELECT name FROM "tab{doctype}" WHERE name = ?', name)
        return row[0] if row else None


def bare_permission_error() -> SiteError:
    """403 without a word."""
    return SiteError(403, "PermissionError")
