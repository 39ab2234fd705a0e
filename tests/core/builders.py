"""Small builders for tests of the core: a mapping from a few field lines, pairs, sights."""

from __future__ import annotations

from typing import Any, NamedTuple

from syncd.core.mapping import CompiledMapping, FieldSpec, MappingSpec, compile_mapping
from syncd.core.model import Baseline, Image, Missing, Pair, PairState, Raw
from syncd.core.plan import Presence, Sight
from syncd.core.values import FieldType, Kind

DATA = FieldType(kind=Kind.TEXT, name="Data", length=140)
SHORT = FieldType(kind=Kind.TEXT, name="Data", length=5)
RICH = FieldType(kind=Kind.TEXT, name="Text Editor")
SELECT = FieldType(kind=Kind.TEXT, name="Select", options=("Company", "Individual"))
CHECK = FieldType(kind=Kind.BOOL, name="Check", zero_is_empty=True)
ERPNEXT_INT = FieldType(kind=Kind.INT, name="Int", zero_is_empty=True)
CURRENCY = FieldType(kind=Kind.NUMBER, name="Currency", scale=9, zero_is_empty=True)
SITE_DATE = FieldType(kind=Kind.DATE, name="Date")
SITE_TIME = FieldType(kind=Kind.DATETIME, name="Datetime")

VARCHAR = FieldType(kind=Kind.TEXT, name="VARCHAR")
INTEGER = FieldType(kind=Kind.INT, name="INTEGER")
NUMERIC_2 = FieldType(kind=Kind.NUMBER, name="NUMERIC(12, 2)", scale=2)
BOOLEAN = FieldType(kind=Kind.BOOL, name="BOOLEAN")
DATE = FieldType(kind=Kind.DATE, name="DATE")
TIME = FieldType(kind=Kind.TIME, name="TIME")

MISSING = Missing.MISSING


class Line(NamedTuple):
    """One line of `[fields]` with the types at both ends."""

    spec: FieldSpec
    erpnext: FieldType
    source: FieldType


def line(
    name: str, column: str | None = None, erpnext: FieldType = DATA, source: FieldType = VARCHAR, **spec: Any
) -> Line:
    """A field `name` in ERPNext, `column` in the source (left out: a constant)."""
    return Line(FieldSpec(erpnext=name, source=column, **spec), erpnext, source)


def mapping(*lines: Line, zones: tuple[str, str] = ("UTC", "UTC"), **spec: Any) -> CompiledMapping:
    """A compiled mapping; `zones` are ERPNext's and the source's."""
    given: dict[str, Any] = {"name": "customer", "file": "mappings/customer.toml", "doctype": "Customer"}
    given |= {"source": "shop", "entity": "customers", "site": "main", "source_id": ("id",), "timezone": zones[1]}
    return compile_mapping(
        MappingSpec(**(given | spec), fields=tuple(entry.spec for entry in lines)),
        {entry.spec.erpnext: entry.erpnext for entry in lines},
        {entry.spec.source: entry.source for entry in lines if entry.spec.source is not None},
        erpnext_zone=zones[0],
    )


def pair(erpnext: Baseline | None, source: Baseline | None, **given: Any) -> Pair:
    """A pair of CUST-1 and 7 with these baselines."""
    known: dict[str, Any] = {"id": 1, "erpnext_name": "CUST-1", "external_id": "7", "state": PairState.AGREED}
    known |= {"creation": None, "erpnext_stamp": None, "source_stamp": None}
    return Pair(**(known | given), erpnext=erpnext, source=source)


def sight(*values: Raw, stamp: Raw = None, presence: Presence = Presence.PRESENT) -> Sight:
    """One side as it stands."""
    return Sight(values=values, stamp=stamp, presence=presence)


def applied(names: tuple[str, ...], image: Image, values: dict[str, Raw] | Any) -> Image:
    """`image` after a write of `values` that the side took exactly."""
    return tuple(values.get(name, value) for name, value in zip(names, image, strict=True))
