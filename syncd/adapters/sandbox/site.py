"""One sandbox site: its store, metadata, clock, switches for faults and log of requests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from .clock import SiteClock
from .database import Database
from .faults import Faults
from .meta import packaged
from .requestlog import RequestLog
from .schema import Metadata
from .session import GUEST, Session, User

ADMINISTRATOR = "Administrator"


def _every_role() -> frozenset[str]:
    rows = (row for values in packaged().values() for row in values.get("permissions") or ())
    return frozenset(row["role"] for row in rows) - {ADMINISTRATOR} | {"All", "Desk User"}


class Site:
    """The in-process engine behind the HTTP server. Nothing is shared with other sites in the process."""

    def __init__(self, path: Path, zone: str) -> None:
        from .seed import prepare

        self.database = Database(path)
        self.metadata = Metadata()
        self.clock = SiteClock(zone)
        self.faults = Faults()
        self.log = RequestLog()
        every = _every_role()
        self.administrator = User(ADMINISTRATOR, every | {ADMINISTRATOR})
        self.guest = User(GUEST, frozenset({GUEST}))
        self.users = {
            ("full", "full"): User("sync@example.com", every),
            ("limited", "limited"): User("limited@example.com", frozenset({"Sales User", "All", "Desk User"})),
        }
        self.settings: dict[str, str] = {}
        prepare(self)

    def setting(self, key: str) -> str | None:
        """One of the site's defaults: company, currency, country, language."""
        return self.settings.get(key)

    @contextmanager
    def writing(self, user: User | None = None, stamp_at: datetime | None = None) -> Iterator[Session]:
        """A session whose changes are committed together at the end of the block, or not at all."""
        session: Session | None = None
        try:
            with self.database.transaction() as connection:
                session = Session(self, user or self.administrator, connection, stamp_at)
                yield session
        finally:
            if session is not None and session.metadata_changed:
                self.metadata.forget()

    @contextmanager
    def reading(self, user: User | None = None) -> Iterator[Session]:
        """A session that sees one moment of the store and changes nothing."""
        with self.database.snapshot() as connection:
            yield Session(self, user or self.administrator, connection)

    def change_zone(self, zone: str) -> None:
        """Give the site another time zone: its clock and what it tells clients. Stamps given before stay."""
        self.clock.set_zone(zone)
        with self.writing() as session:
            session.connection.execute('UPDATE "tabSystem Settings" SET time_zone = ?', (zone,))

    def close(self) -> None:
        """Close the store."""
        self.database.close()

    def state(self) -> dict[str, Any]:
        """What `/_sandbox/health` tells."""
        return {"ok": True, "zone": self.clock.zone, "company": self.settings.get("company")}
