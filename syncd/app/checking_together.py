"""What is wrong between mappings: several that write one field of the same records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from syncd.app.checking_words import finding
from syncd.app.results import Finding, Severity
from syncd.core.mapping import MappingSpec, TableSpec
from syncd.core.model import Side


def check_together(specs: Sequence[MappingSpec]) -> list[Finding]:
    """Fields that two of `specs` write, told once, at the later of the two.

    Two mappings whose filters differ may hold different records; nothing is said of them.
    """
    return [found for first, second in combinations(specs, 2) for found in _both(first, second)]


def _both(first: MappingSpec, second: MappingSpec) -> Iterator[Finding]:
    same_documents = (first.site, first.doctype, first.erpnext_filters) == (
        second.site,
        second.doctype,
        second.erpnext_filters,
    )
    if same_documents:
        written = _fields(first)
        for key, name in _fields(second).items():
            if key in written:
                yield _twice(second, key, f"{second.doctype}.{name}", first, "document")
    same_rows = (first.source, first.entity) == (second.source, second.entity)
    if same_rows and first.source_filters == second.source_filters and not same_documents:
        columns = _columns(first)
        for column, key in _columns(second).items():
            if column in columns:
                yield _twice(second, key, f"{second.entity}.{column}", first, "row")


def _twice(spec: MappingSpec, key: str, what: str, other: MappingSpec, thing: str) -> Finding:
    return finding(
        Severity.WARNING,
        spec,
        key,
        f"the mapping {other.name} writes {what} too: a {thing} that both know holds what the later one wrote",
        "Let one of the two only read it, or give the mappings filters that keep their records apart.",
    )


def _fields(spec: MappingSpec) -> dict[str, str]:
    """Key of each line that writes into ERPNext later than at creation → the field."""
    if not spec.direction.reaches(Side.ERPNEXT):
        return {}
    found = {
        f"fields.{entry.erpnext}": entry.erpnext
        for entry in spec.fields
        if entry.source is not None and entry.direction.reaches(Side.ERPNEXT)
    }
    return found | {f"tables.{table.erpnext}": table.erpnext for table in spec.tables if _writes(table, Side.ERPNEXT)}


def _columns(spec: MappingSpec) -> dict[str, str]:
    """Each column of the source that the mapping writes → the key of its line."""
    if not spec.direction.reaches(Side.SOURCE):
        return {}
    return {
        entry.source: f"fields.{entry.erpnext}"
        for entry in spec.fields
        if entry.source is not None and entry.direction.reaches(Side.SOURCE)
    }


def _writes(table: TableSpec, side: Side) -> bool:
    return table.direction.reaches(side)
