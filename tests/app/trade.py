"""A world of several mappings that link to one another: customers, contacts, items, accounts, and orders with rows.

Every document is checked as a site checks it: a link leads to a document that is there. Ids of the source are whole
numbers, names in ERPNext are text.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from syncd.adapters.sources.memory import MemoryEndpoint, MemoryOptions, memory_tables
from syncd.adapters.store import open_store, open_temporary
from syncd.app.context import Options, Stop
from syncd.app.passes import Bound
from syncd.app.planning import Planner
from syncd.app.reconciler import Reconciler
from syncd.app.results import PlanResult
from syncd.config.fingerprint import fingerprint
from syncd.core.mapping import CompiledMapping, FieldSpec, MappingSpec, TableSpec, Types, compile_mapping, layout
from syncd.core.model import Counts, Side, Write
from syncd.core.order import in_link_order
from syncd.core.values import FieldType, Kind
from syncd.ports.endpoint import Done, WriteResult
from tests.app.harness import STORE, FakeClock, KillSwitch, WatchedStore, World, _copied

DATA = FieldType(kind=Kind.TEXT, name="Data", length=140)
LINK = FieldType(kind=Kind.TEXT, name="Link", length=140)
FLOAT = FieldType(kind=Kind.NUMBER, name="Float", scale=9, zero_is_empty=True)
TEXT = FieldType(kind=Kind.TEXT, name="TEXT")
NUMBER = FieldType(kind=Kind.NUMBER, name="NUMERIC")
INTEGER = FieldType(kind=Kind.INT, name="INTEGER")

ERPNEXT_TYPES = {
    **dict.fromkeys(("customer_name", "tax_id", "first_name", "item_name", "account_name", "po_no", "uom"), DATA),
    **dict.fromkeys(("customer", "contact", "item_code", "variant_of", "parent_account"), LINK),
    **dict.fromkeys(("qty", "rate", "discount"), FLOAT),
}
SOURCE_TYPES = {
    **dict.fromkeys(("name", "vat", "first", "title", "number", "unit"), TEXT),
    **dict.fromkeys(("customer_id", "contact_id", "item_id", "variant_id", "parent_id", "line"), INTEGER),
    **dict.fromkeys(("quantity", "price", "rebate"), NUMBER),
}
LEADS_TO = {
    "customer": "customer",
    "contact": "contact",
    "item_code": "item",
    "variant_of": "item",
    "parent_account": "account",
}
"""Where ERPNext's Link fields lead to, by mapping."""


def mapping(name: str, *fields: FieldSpec, **changes: Any) -> MappingSpec:
    """A two-way mapping, paired by the external id."""
    given: dict[str, Any] = {
        "name": name,
        "file": f"mappings/{name}.toml",
        "doctype": name.title(),
        "source": "shop",
        "entity": f"{name}s",
        "site": "main",
        "fields": fields,
        "source_id": ("id",),
        "external_id": "syncd_shop_id",
        "modified": "updated_at",
    }
    return MappingSpec(**{**given, **changes})


def plain(erpnext: str, source: str, **changes: Any) -> FieldSpec:
    return FieldSpec(erpnext=erpnext, source=source, **changes)


def linked(erpnext: str, source: str, to: str, **changes: Any) -> FieldSpec:
    return FieldSpec(erpnext=erpnext, source=source, link=to, **changes)


def customers(*more: FieldSpec, **changes: Any) -> MappingSpec:
    return mapping("customer", plain("customer_name", "name"), plain("tax_id", "vat"), *more, **changes)


def contacts(*more: FieldSpec, **changes: Any) -> MappingSpec:
    return mapping("contact", plain("first_name", "first"), *more, **changes)


def items(*more: FieldSpec, **changes: Any) -> MappingSpec:
    return mapping("item", plain("item_name", "title"), *more, **changes)


def accounts(**changes: Any) -> MappingSpec:
    return mapping(
        "account", plain("account_name", "name"), linked("parent_account", "parent_id", "account"), **changes
    )


ROW_FIELDS = (linked("item_code", "item_id", "item"), plain("qty", "quantity"), plain("rate", "price"))


def rows(*fields: FieldSpec, **changes: Any) -> TableSpec:
    """The rows of an order: in a nested list, told by their line number."""
    given: dict[str, Any] = {"erpnext": "items", "fields": fields or ROW_FIELDS, "source": "lines", "key": ("line",)}
    return TableSpec(**{**given, **changes})


def orders(*more: FieldSpec, tables: Sequence[TableSpec] = (), **changes: Any) -> MappingSpec:
    fields = (plain("po_no", "number"), linked("customer", "customer_id", "customer"), *more)
    return mapping("order", *fields, tables=tuple(tables), **changes)


@dataclass
class Part:
    """One mapping with both of its sides."""

    spec: MappingSpec
    erpnext: MemoryEndpoint
    source: MemoryEndpoint
    types: dict[Side, Types] = field(default_factory=dict)

    def side(self, side: Side) -> MemoryEndpoint:
        return self.erpnext if side is Side.ERPNEXT else self.source


def _types_of(spec: MappingSpec, side: Side) -> Types:
    erpnext = side is Side.ERPNEXT
    known: Mapping[str, FieldType] = ERPNEXT_TYPES if erpnext else SOURCE_TYPES
    return Types(fields=known, tables={table.erpnext: known for table in spec.tables})


class Site(MemoryEndpoint):
    """A side whose answers tell what stands there when they are given, edits of the last moment among them."""

    def apply(self, writes: Sequence[Write]) -> Iterator[tuple[int, WriteResult]]:
        for index, result in super().apply(writes):
            stands = isinstance(result, Done) and result.row.key in self.records
            yield index, Done(self._row(result.row.key)) if stands else result


class Trade(World):
    """Several mappings over one store. Each part has sides of its own; links lead from part to part."""

    def __init__(
        self,
        folder: Path,
        specs: Sequence[MappingSpec],
        *,
        erpnext: Callable[[str], MemoryOptions] = lambda _name: MemoryOptions(),
        source: Callable[[str], MemoryOptions] = lambda _name: MemoryOptions(),
        options: Options | None = None,
    ) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.stop = Stop()
        self.options = options or Options(overlap=0.0)
        self.parts: dict[str, Part] = {}
        self.broken: set[str] = set()
        self.required: dict[str, set[str]] = {}
        self.compiled: list[CompiledMapping] = []
        for spec in specs:
            self._add(spec, erpnext(spec.name), source(spec.name))
        self.store: Any = open_store(STORE, clock=self.clock, directory=folder)
        self.runs = 0
        self.reports: list[Any] = []
        self.on_open: Callable[[str], None] = lambda _name: None

    def _add(self, spec: MappingSpec, erpnext: MemoryOptions, source: MemoryOptions) -> None:
        if erpnext.naming({}, 7) == "7":
            prefix = spec.name[:4].upper()
            erpnext.naming = lambda _values, number: f"{prefix}-{number:05d}"
        if erpnext.check({}) == "":
            erpnext.check = self._leads_nowhere
        sides = {
            side: Site(side, _fields(spec, side), options, memory_tables(spec, side, _tables(spec, side)))
            for side, options in ((Side.ERPNEXT, erpnext), (Side.SOURCE, source))
        }
        types = {side: _types_of(spec, side) for side in Side}
        self.parts[spec.name] = Part(spec, sides[Side.ERPNEXT], sides[Side.SOURCE], types)

    def _leads_nowhere(self, values: Mapping[str, Any]) -> str:
        """A site refuses links to documents that are not there."""
        for name, target in LEADS_TO.items():
            held = values.get(name)
            if held and target in self.parts and held not in self.parts[target].erpnext.records:
                return f"Could not find {name}: {held}"
        return ""

    def __getitem__(self, name: str) -> Part:
        return self.parts[name]

    def sides(self) -> list[MemoryEndpoint]:
        return [part.side(side) for part in self.parts.values() for side in Side]

    def respec(self, name: str, **changes: Any) -> None:
        """Edit a mapping file: both endpoints are asked for what it maps now, and keep what they hold."""
        part = self.parts[name]
        part.spec = replace(part.spec, **changes)
        for side in Side:
            endpoint = part.side(side)
            endpoint.fields = _fields(part.spec, side)
            endpoint.tables = memory_tables(part.spec, side, _tables(part.spec, side))
            part.types[side] = _types_of(part.spec, side)

    def bound(self, name: str, run: str = "") -> Bound:  # type: ignore[override]
        self.on_open(name)
        part = self.parts[name]
        compiled = compile_mapping(part.spec, part.types[Side.ERPNEXT], part.types[Side.SOURCE], erpnext_zone="UTC")
        self.compiled.append(compiled)
        return Bound(
            mapping=compiled,
            endpoints={side: _Required(part.side(side), self.required.get(name, set())) for side in Side},
            fingerprint=fingerprint(part.spec),
        )

    def groups(self) -> list[tuple[str, ...]]:
        return in_link_order(part.spec for part in self.parts.values())

    def names(self) -> list[str]:
        return [name for group in self.groups() for name in group]

    def circles(self) -> dict[str, frozenset[str]]:
        return {name: frozenset(group) - {name} for group in self.groups() for name in group if len(group) > 1}

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
            circles=self.circles(),
        )

    def run(self, *names: str, **options: Any) -> Any:
        """One run over these mappings, else over all of them in the order of their links."""
        self.clock.sleep(1.0)
        return self.reconciler().run(names or self.names(), replace(self.options, **options), stop=self.stop)

    def sync(self, *names: str, **options: Any) -> dict[str, Counts]:
        """A run that must not meet an error or a halt."""
        found = self.run(*names, **options).mappings
        for name, counts in found.items():
            assert counts.error is None, (name, counts.error)
            assert counts.halt is None, (name, counts.halt)
        return found

    def agree(self, *names: str) -> None:
        """A run after which everything agrees, and a second one that writes nothing."""
        found = self.sync(*names)
        for name in found:
            assert self.failed(name) == [], self.failed(name)
            assert self.held(name) == [], self.held(name)
        self.quiet(*names)

    def plan(self, *names: str, **options: Any) -> PlanResult:  # type: ignore[override]
        @contextmanager
        def temporary() -> Iterator[Any]:
            store = open_temporary(STORE, clock=self.clock, directory=self.folder)
            try:
                yield store
            finally:
                store.close()

        planner = Planner(temporary=temporary, open_mapping=self.bound, clock=self.clock)
        return planner.plan(names or self.names(), replace(self.options, **options), stop=Stop())

    @property
    def writes(self) -> int:
        return sum(len(side.writes) for side in self.sides())

    def quiet(self, *names: str, **options: Any) -> Any:
        """A further run, which must send no write at all."""
        before = {id(side): len(side.writes) for side in self.sides()}
        result = self.run(*names, **options)
        sent = [write for side in self.sides() for write in side.writes[before[id(side)] :]]
        assert not sent, f"a further run wrote {sent}"
        return result

    def failed(self, name: str) -> list[str]:
        return [failure.error for failure in self.store.failures(name)]

    def held(self, name: str) -> list[tuple[str, str]]:
        return [(conflict.kind, conflict.text) for conflict in self.store.conflicts(name)]

    def pairs(self, name: str = "customer", *, live: bool = True) -> dict[str | None, str | None]:  # type: ignore[override]
        found = self.store.pairs(name, after=0, limit=100_000, live=live)
        return {pair.external_id: pair.erpnext_name for pair, _ in found}

    def name_of(self, mapping_name: str, external_id: object) -> str:
        return self.pairs(mapping_name)[str(external_id)] or ""

    def id_of(self, mapping_name: str, name: str) -> int:
        return next(int(key or "") for key, held in self.pairs(mapping_name).items() if held == name)

    def document(self, name: str, key: str) -> dict[str, Any]:
        return self.parts[name].erpnext.values(key)

    def record(self, name: str, key: object) -> dict[str, Any]:
        return self.parts[name].source.values(str(key))

    def open_operations(self) -> list[Any]:
        return [operation for name in self.parts for operation in self.store.open_operations(name)]

    def watch(self, switch: KillSwitch) -> None:
        self.store = WatchedStore(self.store, switch)
        for name, part in self.parts.items():
            for side in Side:
                endpoint, label = part.side(side), f"{name} {side.value}"

                def before(method: str, _writes: Sequence[Any], label: str = label) -> None:
                    switch.point(f"{label} before {method}")

                def after(method: str, _writes: Sequence[Any], label: str = label) -> None:
                    switch.point(f"{label} after {method}")

                endpoint.before, endpoint.after = before, after

    def unwatch(self) -> None:
        for side in self.sides():
            side.before = side.after = lambda _method, _writes: None

    def copy(self, folder: Path) -> Trade:
        import shutil

        self.store.close()
        folder.mkdir(parents=True, exist_ok=True)
        for file in self.folder.glob("syncd.db*"):
            shutil.copy(file, folder / file.name)
        self.store = open_store(STORE, clock=self.clock, directory=self.folder)
        other = copy.copy(self)
        other.folder, other.clock, other.stop = folder, copy.copy(self.clock), Stop()
        other.parts = {}
        for name, part in self.parts.items():
            sides = {side: _copied(part.side(side)) for side in Side}
            sides[Side.ERPNEXT].options = replace(part.erpnext.options)
            if part.erpnext.options.check == self._leads_nowhere:
                sides[Side.ERPNEXT].options.check = other._leads_nowhere
            other.parts[name] = Part(part.spec, sides[Side.ERPNEXT], sides[Side.SOURCE], dict(part.types))
        other.reports = []
        other.store = open_store(STORE, clock=other.clock, directory=folder)
        return other


class _Required:
    """An endpoint some of whose fields are mandatory."""

    def __init__(self, inner: MemoryEndpoint, required: set[str]) -> None:
        self._inner = inner
        self._required = required

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def schema(self) -> Any:
        held = self._inner.schema()
        fields = {
            name: replace(info, required=info.required or name in self._required) for name, info in held.fields.items()
        }
        return replace(held, fields=fields)


def _fields(spec: MappingSpec, side: Side) -> dict[str, FieldType]:
    known = ERPNEXT_TYPES if side is Side.ERPNEXT else SOURCE_TYPES
    return {name: known[name] for name in layout(spec)[0 if side is Side.ERPNEXT else 1] if name in known}


def _tables(spec: MappingSpec, side: Side) -> dict[str, dict[str, FieldType]]:
    known = ERPNEXT_TYPES if side is Side.ERPNEXT else SOURCE_TYPES
    return {table.erpnext: known for table in spec.tables}
