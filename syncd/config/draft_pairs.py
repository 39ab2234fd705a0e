"""Which columns are paired with which fields: by name, label and type, each once, the likeliest first."""

from __future__ import annotations

import re
from collections.abc import Mapping

from syncd.config.draft_names import ALIKE, Columns, likeness
from syncd.core.convert import build_lens
from syncd.core.values import InvalidValue, Kind
from syncd.ports.endpoint import FieldInfo

FIELDNAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NOT_DRAFTED = frozenset({"Attach", "Attach Image", "Signature", "Dynamic Link", "Password", "Table MultiSelect"})
_OWN_COMPANY = "Company"
"""Links to it name the user's own company, never a customer's."""

_ONLY_READ = 25
"""What a field that the site fills itself stands behind: another of a known name takes the column."""

Pairing = tuple[str, str, tuple[str, ...], int]
"""(fieldname, column, forms of the column's name, likeness)"""


def drafted_fields(fields: Mapping[str, FieldInfo], links: Mapping[str, str]) -> dict[str, FieldInfo]:
    """The fields that a column may be paired with."""
    return {
        name: info
        for name, info in fields.items()
        if info.writable
        and FIELDNAME.fullmatch(name)
        and name != "naming_series"
        and not name.startswith("syncd_")
        and info.type.name not in _NOT_DRAFTED
        and links.get(name) != _OWN_COMPANY
    }


def pairings(
    doctype: str,
    entity: str,
    fields: Mapping[str, FieldInfo],
    columns: Mapping[str, FieldInfo],
    links: Mapping[str, str],
) -> list[Pairing]:
    """Each side once, in the order of the table's columns."""
    names = Columns(columns, entity, doctype)
    found = []
    for at, (column, info) in enumerate(columns.items()):
        forms = names.forms(column)
        for rank, (name, target) in enumerate(fields.items() if forms else ()):
            score = likeness(target, doctype, forms)
            if score and _fits(info, target, links.get(name), score):
                only_read = target.read_only or target.type.name == "Read Only"
                found.append((-score + (_ONLY_READ if only_read else 0), only_read, rank, at, name, column, score))
    taken: dict[str, tuple[str, int]] = {}
    used: set[str] = set()
    for *_, name, column, score in sorted(found):
        if name not in taken and column not in used:
            taken[name] = (column, score)
            used.add(column)
    order = {column: at for at, column in enumerate(columns)}
    by_column = sorted(taken.items(), key=lambda entry: order[entry[1][0]])
    return [(name, column, names.forms(column), score) for name, (column, score) in by_column]


def _fits(column: FieldInfo, target: FieldInfo, link: str | None, score: int) -> bool:
    """Whether values of the column can be values of the field at all."""
    kind = column.type.kind
    if kind is Kind.BYTES or (score <= ALIKE and kind is not target.type.kind):
        return False
    if link is not None or target.type.options is not None:
        return kind is Kind.TEXT
    try:
        build_lens((), None, column.type, target.type)
    except InvalidValue:
        return False
    return True
