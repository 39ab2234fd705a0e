"""A world for tests of the application: two endpoints in memory, a real state store, a clock that stands still.

`World` binds a mapping of customers to both and runs it as the program does. `KillSwitch` counts every write to the
store and every call of an endpoint and raises at the one that a test names.
"""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from syncd.adapters.sources.memory import MemoryEndpoint, MemoryOptions
from syncd.adapters.store import open_store, open_temporary
from syncd.app.context import Options, Stop
from syncd.app.passes import Bound
from syncd.app.planning import Planner
from syncd.app.reconciler import Reconciler
from syncd.app.results import PlanResult, RunResult
from syncd.config.fingerprint import fingerprint
from syncd.core.mapping import FieldSpec, MappingSpec, compile_mapping
from syncd.core.model import Counts, Side
from syncd.core.values import FieldType, Kind
from syncd.errors import ExitCode

NAME = "customer"
STORE = "sqlite:///syncd.db"

ERPNEXT_FIELDS = {
    "customer_name": FieldType(kind=Kind.TEXT, name="Data", length=140),
    "tax_id": FieldType(kind=Kind.TEXT, name="Data", length=140),
    "website": FieldType(kind=Kind.TEXT, name="Data", length=140),
    "credit": FieldType(kind=Kind.NUMBER, name="Currency", scale=2, zero_is_empty=True),
}
SOURCE_FIELDS = {
    "name": FieldType(kind=Kind.TEXT, name="TEXT"),
    "vat": FieldType(kind=Kind.TEXT, name="TEXT"),
    "url": FieldType(kind=Kind.TEXT, name="TEXT"),
    "credit": FieldType(kind=Kind.NUMBER, name="NUMERIC"),
}
FIELDS = (
    FieldSpec(erpnext="customer_name", source="name"),
    FieldSpec(erpnext="tax_id", source="vat"),
    FieldSpec(erpnext="website", source="url"),
)


def spec(**changes: Any) -> MappingSpec:
    """The mapping of customers: two-way, paired by the external id, matched by tax id, no column for the name."""
    given: dict[str, Any] = {
        "name": NAME,
        "file": "mappings/customer.toml",
        "doctype": "Customer",
        "source": "shop",
        "entity": "customers",
        "site": "main",
        "fields": FIELDS,
        "source_id": ("id",),
        "external_id": "syncd_shop_id",
        "match": (("tax_id",),),
        "modified": "updated_at",
    }
    return MappingSpec(**{**given, **changes})


class FakeClock:
    """A clock that moves when a test says so; sleeping moves it."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Killed(BaseException):
    """The process is gone at this point: nothing handles it."""


@dataclass
class KillSwitch:
    """Counts points and kills at number `at`. Afterwards nothing reaches the store or a side any more."""

    at: int | None = None
    points: list[str] = field(default_factory=list)
    dead: bool = False

    def point(self, name: str) -> None:
        if self.dead:
            raise Killed(f"dead before {name}")
        self.points.append(name)
        if self.at is not None and len(self.points) == self.at:
            self.dead = True
            raise Killed(name)


class WatchedStore:
    """A state store whose writing calls are points of a `KillSwitch`."""

    def __init__(self, store: Any, switch: KillSwitch) -> None:
        self._store = store
        self._switch = switch
        drop = store.drop
        # A process that is gone gives no lease back.
        store.drop = lambda lease: None if switch.dead else drop(lease)

    def __getattr__(self, name: str) -> Any:
        if self._switch.dead:
            raise Killed(f"dead before {name}")
        return getattr(self._store, name)

    @contextmanager
    def transaction(self, lease: Any) -> Iterator[Any]:
        with self._store.transaction(lease) as tx:
            yield tx
            self._switch.point("before commit")
        self._switch.point("after commit")

    def acquire(self, mapping: str, *, wait: float) -> Any:
        self._switch.point("before acquire")
        lease = self._store.acquire(mapping, wait=wait)
        self._switch.point("after acquire")
        return lease

    def begin_run(self, run: Any) -> None:
        self._switch.point("before begin_run")
        self._store.begin_run(run)

    def finish_run(self, run: Any) -> None:
        self._switch.point("before finish_run")
        self._store.finish_run(run)


class World:
    """Both sides, the store, and what a deployment says about them."""

    def __init__(
        self,
        folder: Path,
        mapping: MappingSpec | None = None,
        *,
        erpnext: MemoryOptions | None = None,
        source: MemoryOptions | None = None,
        options: Options | None = None,
    ) -> None:
        self.folder = folder
        self.spec = mapping or spec()
        self.clock = FakeClock()
        self.stop = Stop()
        self.options = options or Options(overlap=0.0)
        names = erpnext or MemoryOptions()
        if erpnext is None:
            names.naming = lambda _values, number: f"CUST-{number:05d}"
        self.erpnext = MemoryEndpoint(Side.ERPNEXT, self._fields(ERPNEXT_FIELDS, "erpnext"), names)
        self.source = MemoryEndpoint(Side.SOURCE, self._fields(SOURCE_FIELDS, "source"), source)
        self.store: Any = open_store(STORE, clock=self.clock, directory=folder)
        self.runs = 0
        self.reports: list[Any] = []
        self.on_open: Callable[[str], None] = lambda _name: None

    def _fields(self, types: dict[str, FieldType], attribute: str) -> dict[str, FieldType]:
        wanted = dict.fromkeys(getattr(entry, attribute) for entry in self.spec.fields if entry.source is not None)
        return {name: types[name] for name in wanted}

    def remap(self, **changes: Any) -> None:
        """Edit the mapping file: both endpoints are asked for the fields that it maps now."""
        self.spec = replace(self.spec, **changes)
        self.erpnext.fields = self._fields(ERPNEXT_FIELDS, "erpnext")
        self.source.fields = self._fields(SOURCE_FIELDS, "source")

    def bound(self, name: str = NAME, run: str = "") -> Bound:
        self.on_open(name)
        constants = {entry.erpnext: ERPNEXT_FIELDS[entry.erpnext] for entry in self.spec.fields if entry.source is None}
        compiled = compile_mapping(
            replace(self.spec, name=name), {**self.erpnext.fields, **constants}, self.source.fields, erpnext_zone="UTC"
        )
        return Bound(
            mapping=compiled,
            endpoints={Side.ERPNEXT: self.erpnext, Side.SOURCE: self.source},
            fingerprint=fingerprint(self.spec),
        )

    def _report(self, record: Any) -> tuple[str, str]:
        self.reports.append(record)
        return f"{record.id}.json", f"{record.id}.html"

    def reconciler(self) -> Reconciler:
        def new_run(_started: datetime) -> str:
            self.runs += 1
            return f"run-{self.runs}"

        return Reconciler(
            store=self.store,
            open_mapping=self.bound,
            write_report=self._report,
            clock=self.clock,
            new_run=new_run,
        )

    def run(self, *names: str, **options: Any) -> RunResult:
        """One run, as `syncd reconcile` does it."""
        self.clock.sleep(1.0)
        return self.reconciler().run(names or (NAME,), replace(self.options, **options), stop=self.stop)

    def counts(self, **options: Any) -> Counts:
        """The numbers of one run that must not meet an error or a halt."""
        counts = self.run(**options).mappings[NAME]
        assert counts.error is None, counts.error
        assert counts.halt is None, counts.halt
        return counts

    def plan(self, **options: Any) -> PlanResult:
        """What a run would do, as `syncd plan` says it."""

        @contextmanager
        def temporary() -> Iterator[Any]:
            store = open_temporary(STORE, clock=self.clock, directory=self.folder)
            try:
                yield store
            finally:
                store.close()

        planner = Planner(temporary=temporary, open_mapping=self.bound, clock=self.clock)
        return planner.plan([NAME], replace(self.options, **options), stop=Stop())

    @property
    def writes(self) -> int:
        """Writes that either side has taken from syncd so far."""
        return len(self.erpnext.writes) + len(self.source.writes)

    def quiet(self, **options: Any) -> RunResult:
        """A further run, which must send no write at all."""
        before = self.writes
        result = self.run(**options)
        sent = (self.erpnext.writes + self.source.writes)[before:]
        assert self.writes == before, f"a further run wrote {sent}"
        return result

    def conflicts(self) -> list[Any]:
        return self.store.conflicts(NAME)

    def failures(self) -> list[Any]:
        return self.store.failures(NAME)

    def pairs(self, *, live: bool = True) -> dict[str | None, str | None]:
        """External id → ERPNext name."""
        held = self.store.pairs(NAME, after=0, limit=100_000, live=live)
        return {pair.external_id: pair.erpnext_name for pair, _ in held}

    def open_operations(self) -> list[Any]:
        return self.store.open_operations(NAME)

    def customer(self, key: str) -> tuple[Any, ...]:
        """(name, tax id, website) of a document."""
        held = self.erpnext.values(key)
        return (held.get("customer_name"), held.get("tax_id"), held.get("website"))

    def shopper(self, key: str) -> tuple[Any, ...]:
        """(name, tax id, website) of a row."""
        held = self.source.values(key)
        return (held.get("name"), held.get("vat"), held.get("url"))

    def partner_of(self, external_id: str) -> str:
        """The document that a row is paired with."""
        name = self.pairs()[external_id]
        assert name is not None
        return name

    def agreed(self, number: int = 1) -> list[tuple[str, str]]:
        """`number` customers made in the source and brought to ERPNext: (document, row) of each."""
        rows = [self.source.insert(name=f"Name {n}", vat=f"VAT{n}", url=f"u{n}") for n in range(1, number + 1)]
        self.counts()
        self.quiet()
        self.erpnext.writes.clear()
        self.source.writes.clear()
        return [(self.partner_of(row), row) for row in rows]

    def watch(self, switch: KillSwitch) -> None:
        """Every write to the store and every call of a side becomes a point of `switch`."""
        self.store = WatchedStore(self.store, switch)
        for side in (self.erpnext, self.source):
            label = side.side.value

            def before(method: str, _writes: Sequence[Any], label: str = label) -> None:
                switch.point(f"{label} before {method}")

            def after(method: str, _writes: Sequence[Any], label: str = label) -> None:
                switch.point(f"{label} after {method}")

            side.before, side.after = before, after

    def unwatch(self) -> None:
        for side in (self.erpnext, self.source):
            side.before = side.after = lambda _method, _writes: None

    def restart(self) -> None:
        """The process is started anew: the store is opened from its file, what was held is silent for long enough."""
        self.store.__dict__.get("_store", self.store).close()
        self.unwatch()
        self.clock.sleep(61.0)
        self.store = open_store(STORE, clock=self.clock, directory=self.folder)

    def close(self) -> None:
        self.store.__dict__.get("_store", self.store).close()

    def copy(self, folder: Path) -> World:
        """The same world in another folder; this one's store must not be in the middle of anything."""
        self.store.close()
        folder.mkdir(parents=True, exist_ok=True)
        for file in self.folder.glob("syncd.db*"):
            shutil.copy(file, folder / file.name)
        self.store = open_store(STORE, clock=self.clock, directory=self.folder)
        other = copy.copy(self)
        other.folder, other.clock, other.stop = folder, copy.copy(self.clock), Stop()
        other.erpnext, other.source = _copied(self.erpnext), _copied(self.source)
        other.reports = []
        other.store = open_store(STORE, clock=other.clock, directory=folder)
        return other


def _copied(endpoint: MemoryEndpoint) -> MemoryEndpoint:
    other = copy.copy(endpoint)
    other.records = dict(endpoint.records)
    other.writes = list(endpoint.writes)
    other._operations = dict(endpoint._operations)
    return other


def lost_once(error: BaseException, method: str = "apply") -> Callable[[str, Sequence[Any]], None]:
    """A hook that raises `error` at the first call of `method`, and never again."""
    left = [error]

    def hook(called: str, _writes: Sequence[Any]) -> None:
        if called == method and left:
            raise left.pop()

    return hook


__all__ = ["NAME", "ExitCode", "FakeClock", "KillSwitch", "Killed", "World", "lost_once", "spec"]
