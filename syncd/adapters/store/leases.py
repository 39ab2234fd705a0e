"""Leases: who may write a mapping's state, and what becomes of the lease of one who died.

A lease is good for 60 s after its last heartbeat; every transaction renews it. Sooner it is taken over only from a
process that is certainly gone, and that can be told only where process numbers mean the same: on the same host, since
the same boot, in the same namespace (a container has its own). There a number with another start time is another
process.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection

from syncd.adapters.store import statements
from syncd.adapters.store.codec import LEASES, moment_text
from syncd.errors import LeaseHeldError

LIFETIME = timedelta(seconds=60)
"""How long after its last heartbeat a lease is good (design.md, "State store")."""

_COLUMNS = ("mapping_id", "owner", "host", "scope", "pid", "started", "taken", "heartbeat", "expires")
_TAKE = statements.upsert(LEASES, _COLUMNS, ["mapping_id"])
_READ = f"SELECT {', '.join(_COLUMNS[1:])} FROM leases WHERE mapping_id = ?"
_ALL = (
    f"SELECT m.name, {', '.join(f'l.{each}' for each in _COLUMNS[1:])} FROM leases l "
    "JOIN mappings m ON m.id = l.mapping_id ORDER BY m.name"
)
_BEAT = "UPDATE leases SET heartbeat = ?, expires = ? WHERE mapping_id = ? AND owner = ?"
_DROP = "DELETE FROM leases WHERE mapping_id = ? AND owner = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process, told from all others. `scope` is empty where that cannot be done."""

    host: str
    scope: str
    pid: int
    started: str

    @classmethod
    def present(cls) -> Process:
        """This process."""
        pid = os.getpid()
        return cls(host=socket.gethostname(), scope=_scope(), pid=pid, started=_start_time(pid) or "")

    def is_gone(self) -> bool:
        """Whether the process certainly does not run any more; False where this process cannot tell."""
        if not self.scope or self.scope != _scope():
            return False
        return _start_time(self.pid) != self.started


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A lease as it stands in the store. Times are text in UTC (`codec.moment_text`)."""

    owner: str
    process: Process
    taken: str
    heartbeat: str
    expires: str

    def is_void(self, now: datetime) -> bool:
        """Whether another may take it."""
        return self.expires <= (moment_text(now) or "") or self.process.is_gone()

    def refusal(self, mapping: str) -> LeaseHeldError:
        """What the one who has to wait is told."""
        return LeaseHeldError(
            f"mapping {mapping}: another run holds it: process {self.process.pid} on {self.process.host}, "
            f"since {self.taken[:19]} UTC, last heard of at {self.heartbeat[:19]} UTC",
            hint="wait for it to end (`syncd reconcile --wait 5m`); the lease of a process that died is taken over "
            "at once on the same host, elsewhere 60 s after it was last heard of",
        )


def read(connection: Connection, mapping_id: int) -> Holding | None:
    """The mapping's lease, good or not."""
    rows = statements.select(connection, _READ, (mapping_id,))
    return _holding(rows[0]) if rows else None


def held(connection: Connection, now: datetime) -> list[tuple[str, Holding]]:
    """(mapping, lease) of every mapping that somebody holds, by name."""
    found = [(str(name), _holding(row)) for name, *row in statements.select(connection, _ALL)]
    return [(name, holding) for name, holding in found if not holding.is_void(now)]


def _holding(row: Sequence[Any]) -> Holding:
    owner, host, scope, pid, started, taken, heartbeat, expires = row
    process = Process(host=host, scope=scope, pid=pid, started=started)
    return Holding(owner=owner, process=process, taken=taken, heartbeat=heartbeat, expires=expires)


def take(connection: Connection, mapping_id: int, now: datetime) -> str | Holding:
    """Take the lease within a writing transaction: the new owner's id, or who holds it."""
    holding = read(connection, mapping_id)
    if holding is not None and not holding.is_void(now):
        return holding
    owner = str(uuid4())
    process = Process.present()
    begun, until = moment_text(now), moment_text(now + LIFETIME)
    row = (mapping_id, owner, process.host, process.scope, process.pid, process.started, begun, begun, until)
    statements.run_many(connection, _TAKE, [row])
    return owner


def renew(connection: Connection, mapping_id: int, mapping: str, owner: str, now: datetime) -> None:
    """Check within a writing transaction that `owner` still holds the lease, and count its 60 s anew.

    Nobody else can take it before this transaction ends. Raises `LeaseHeldError` when it was taken over.
    """
    values = (moment_text(now), moment_text(now + LIFETIME), mapping_id, owner)
    if statements.run(connection, _BEAT, values) == 1:
        return
    holding = read(connection, mapping_id)
    if holding is not None:
        raise holding.refusal(mapping)
    raise LeaseHeldError(
        f"mapping {mapping}: this run lost its hold on the mapping: it was silent for more than 60 s, another run "
        "took over and has ended since",
        hint="run again: what was recorded stands, and what was sent without being recorded is looked up first",
    )


def drop(connection: Connection, mapping_id: int, owner: str) -> None:
    """Give the lease back; nothing where it is another's by now."""
    statements.run(connection, _DROP, (mapping_id, owner))


def _scope() -> str:
    """Where this process's number means something: host, boot and namespace; empty without `/proc`."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = Path("/proc/self/ns/pid").readlink()
    except OSError:
        return ""
    return f"{socket.gethostname()} {boot} {namespace}"


def _start_time(pid: int) -> str | None:
    """When a process began, in clock ticks since boot (proc(5), field 22 of `stat`); None when it does not run."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The second field is the program's name in brackets, and may hold blanks and brackets itself.
    fields = text[text.rindex(")") + 2 :].split()
    return None if fields[0] in {"Z", "X"} else fields[19]
