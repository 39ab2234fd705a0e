"""A world of documents that can be submitted: orders of a shop, and what they are in ERPNext."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from syncd.adapters.sources.memory import MemoryOptions
from syncd.app.passes import Bound
from syncd.config.fingerprint import fingerprint
from syncd.core.mapping import FieldSpec, LifecycleSpec, MappingSpec, Types, compile_mapping, layout
from syncd.core.merge import Choice
from syncd.core.model import Side
from syncd.core.resolution import encode_resolution
from syncd.core.values import FieldType, Kind
from tests.app.harness import NAME, World, spec

TEXT = FieldType(kind=Kind.TEXT, name="Data", length=140)
WHOLE = FieldType(kind=Kind.INT, name="Int", zero_is_empty=True)
SITE_TYPES = {
    "title": TEXT,
    "remarks": TEXT,
    "amount": FieldType(kind=Kind.NUMBER, name="Currency", scale=2, zero_is_empty=True),
    "docstatus": WHOLE,
    "amended_from": TEXT,
}
SHOP_TYPES = {
    "title": TEXT,
    "note": TEXT,
    "amount": FieldType(kind=Kind.NUMBER, name="NUMERIC"),
    "state": TEXT,
}
FIELDS = (
    FieldSpec(erpnext="title", source="title"),
    FieldSpec(erpnext="remarks", source="note"),
    FieldSpec(erpnext="amount", source="amount"),
)
ALLOWED = frozenset({"remarks"})
"""What ERPNext lets change after submission; `title` and `amount` it does not."""

WORDS = {"field": "state", "draft": ("pending", "new"), "submitted": ("paid", "shipped"), "cancelled": ("void",)}


def lifecycle(**changes: Any) -> LifecycleSpec:
    """`[lifecycle]` of the contract's example."""
    return LifecycleSpec(**{**WORDS, **changes})


def orders(**changes: Any) -> MappingSpec:
    """The mapping of orders; what belongs into `[lifecycle]` may be given beside the rest."""
    ours = {name: changes.pop(name) for name in list(changes) if name in LifecycleSpec.__dataclass_fields__}
    given = {"doctype": "Sales Order", "entity": "orders", "fields": FIELDS, "match": (("title",),)}
    return spec(**{**given, "lifecycle": lifecycle(**ours), **changes})


class Documents(World):
    """Both sides of the mapping of orders."""

    def __init__(self, folder: Path, mapping: MappingSpec | None = None, **given: Any) -> None:
        site = given.pop("erpnext", None) or MemoryOptions()
        site.submittable = True
        site.allow_on_submit = ALLOWED
        site.naming = lambda _values, number: f"SO-{number:04d}"
        super().__init__(folder, mapping or orders(), erpnext=site, **given)

    def _fields(self, _types: dict[str, FieldType], attribute: str) -> dict[str, FieldType]:
        types, at = (SITE_TYPES, 0) if attribute == "erpnext" else (SHOP_TYPES, 1)
        return {name: types[name] for name in layout(self.spec)[at]}

    def bound(self, name: str = NAME, run: str = "") -> Bound:
        self.on_open(name)
        compiled = compile_mapping(
            replace(self.spec, name=name),
            Types(fields=self.erpnext.fields, allowed=ALLOWED),
            Types(fields=self.source.fields),
            erpnext_zone="UTC",
        )
        endpoints = {Side.ERPNEXT: self.erpnext, Side.SOURCE: self.source}
        return Bound(mapping=compiled, endpoints=endpoints, fingerprint=fingerprint(self.spec))

    def order(self, state: str | None, title: str = "Chairs", **values: Any) -> str:
        """The shop takes an order; its id."""
        return self.source.insert(title=title, state=state, **values)

    def made(self, state: str | None, title: str = "Chairs", **values: Any) -> tuple[str, str]:
        """An order that is in ERPNext, too: (document, row)."""
        row = self.order(state, title, **values)
        self.counts()
        self.quiet()
        return self.partner_of(row), row

    def name(self, row: str) -> str:
        """The document that an order is paired with."""
        return self.partner_of(row)

    def document(self, key: str) -> tuple[Any, ...]:
        """(docstatus, title, remarks) of a document."""
        held = self.erpnext.values(key)
        return (self.erpnext.records[key].docstatus, held.get("title"), held.get("remarks"))

    def shop(self, row: str) -> tuple[Any, ...]:
        """(state, title, note) of an order."""
        held = self.source.values(row)
        return (held.get("state"), held.get("title"), held.get("note"))

    @property
    def standing(self) -> dict[str, int]:
        """Every document of the site and its docstatus."""
        return {key: record.docstatus for key, record in self.erpnext.records.items()}

    def resolve(self, take: Side | None = None, **values: Any) -> None:
        """A person decides about the one open conflict."""
        [conflict] = self.conflicts()
        decide(self, conflict, take, **values)


def decide(world: World, conflict: Any, take: Side | None = None, **values: Any) -> None:
    """A person decides about a conflict, as the command notes it."""
    world.store.resolve([(conflict, encode_resolution(Choice(take=take, values=values)))])


__all__ = ["ALLOWED", "NAME", "Documents", "decide", "lifecycle", "orders"]
