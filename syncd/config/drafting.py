"""`syncd mapping new`: a mapping drafted from the schemas of both sides. Pure: schemas and samples in, text out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from syncd.config.draft_lines import Line, Sample, draft_line
from syncd.config.draft_names import (
    ALIKE,
    DELETED,
    ERPNEXT_NAME,
    ID,
    MODIFIED,
    Columns,
    likeness,
    normal,
    singular,
)
from syncd.core.convert import build_lens
from syncd.core.values import InvalidValue, Kind
from syncd.ports.endpoint import FieldInfo, Schema

_FIELDNAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LONGEST_FIELDNAME = 60
"""Characters; MariaDB's column names end at 64."""
_NOT_DRAFTED = frozenset({"Attach", "Attach Image", "Signature", "Dynamic Link", "Password", "Table MultiSelect"})
_OWN_COMPANY = "Company"
"""Links to it name the user's own company, never a customer's."""
_STAMPS = frozenset({Kind.TEXT, Kind.DATETIME, Kind.INT, Kind.NUMBER})
_MARKS = _STAMPS | {Kind.BOOL, Kind.DATE}
_TELLING = ("tax_id", "email_id", "item_code", "mobile_no")
"""Fields whose values tell one record from another although no index says so, the best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """What is to be paired, and what both sides say of themselves.

    `links` and `tables` are fieldnames of the DocType and the DocTypes they lead to; `taken` the external-id fields
    that other entities use. `site` is None where the deployment has one only.
    """

    doctype: str
    source: str
    entity: str
    erpnext: Schema
    table: Schema
    site: str | None = None
    links: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, str] = field(default_factory=dict)
    samples: Mapping[str, Sample] = field(default_factory=dict)
    taken: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """The columns that are more than values."""

    id: tuple[str, ...]
    id_is_sure: bool
    modified: str | None = None
    deleted: str | None = None
    erpnext_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A drafted mapping, before it is written down."""

    sides: Sides
    roles: Roles
    external_id: str
    lines: tuple[Line, ...]
    match: tuple[str, ...]
    doubtful_match: tuple[str, ...]
    unfilled: tuple[str, ...]
    left_over: tuple[str, ...]


def mapping_name(entity: str, doctype: str) -> str:
    """A mapping's name for an entity: ASCII letters, digits and `_`."""
    for text in (entity, doctype):
        name = re.sub(r"[^a-z0-9]+", "_", _ascii(text)).strip("_")
        if name:
            return name
    return "mapping"


def _ascii(text: str) -> str:
    import unicodedata

    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()


def roles_of(table: Schema) -> Roles:
    """Which columns are the id, the stamp of the last change, the mark of deleted rows, and ERPNext's name."""
    named = {normal(name): name for name in reversed(list(table.fields)) if name.strip()}
    key = tuple(name for name in table.key if name in table.fields and name.strip())

    def first(words: tuple[str, ...], kinds: frozenset[Kind]) -> str | None:
        found = (named[word] for word in words if word in named)
        return next((name for name in found if table.fields[name].type.kind in kinds and name not in key), None)

    partner = next(
        (
            name
            for word, name in named.items()
            if ERPNEXT_NAME.fullmatch(word) and table.fields[name].type.kind is Kind.TEXT and name not in key
        ),
        None,
    )
    return Roles(
        id=key or _likely_id(table, named),
        id_is_sure=bool(key),
        modified=first(MODIFIED, _STAMPS),
        deleted=first(DELETED, _MARKS),
        erpnext_name=partner,
    )


def _likely_id(table: Schema, named: Mapping[str, str]) -> tuple[str, ...]:
    """The id of a table without a primary key: by its name, else the first that is unique, mandatory, or there."""
    wanted = (*sorted(ID), f"{singular(normal(table.entity))}_id", f"{normal(table.entity)}_id")
    by_name = [named[word] for word in wanted if word in named]
    usable = [info for info in table.fields.values() if info.name.strip()]
    unique = [info.name for info in usable if info.unique]
    mandatory = [info.name for info in usable if info.required]
    return tuple([*by_name, *unique, *mandatory, *(info.name for info in usable)][:1])


def draft(sides: Sides) -> Draft:
    """Pair fields and columns by name, label and type; every pairing is used once, the likeliest first."""
    roles = roles_of(sides.table)
    own = {roles.modified, roles.deleted, roles.erpnext_name}
    columns = {
        name: info
        for name, info in sides.table.fields.items()
        if name not in own and name.strip() and not _is_only_id(name, roles, sides)
    }
    fields = {info.name: info for info in sides.erpnext.fields.values() if _may_be_mapped(info, sides)}
    lines = [
        draft_line(fields[name], columns[column], sides.links.get(name, ""), sides.samples.get(column), forms, score)
        for name, column, forms, score in _pairs(sides, fields, columns)
    ]
    if not any(line.active for line in lines):
        lines = _one_active(lines, fields, columns, roles)
    filled = {line.field for line in lines if line.active}
    used = {line.column for line in lines}
    match, doubtful = _match(lines, sides)
    return Draft(
        sides=sides,
        roles=roles,
        external_id=_external_id(sides),
        lines=tuple(lines),
        match=match,
        doubtful_match=doubtful,
        unfilled=tuple(info.name for info in sides.erpnext.fields.values() if _waits(info) and info.name not in filled),
        left_over=tuple(
            name for name in sides.table.fields if name not in used and name not in own and name not in roles.id
        ),
    )


def _waits(info: FieldInfo) -> bool:
    return info.required and not info.has_default and info.writable and bool(_FIELDNAME.fullmatch(info.name))


def _is_only_id(name: str, roles: Roles, sides: Sides) -> bool:
    """Whether a column of the id is nothing but that: a number, or named so. A natural key (a SKU) is a value too."""
    if name not in roles.id:
        return False
    word = normal(name)
    own_ids = {*ID, f"{singular(normal(sides.entity))}_id", f"{normal(sides.doctype)}_id"}
    return sides.table.fields[name].type.kind is not Kind.TEXT or word in own_ids


def _may_be_mapped(info: FieldInfo, sides: Sides) -> bool:
    return (
        info.writable
        and bool(_FIELDNAME.fullmatch(info.name))
        and info.name != "naming_series"
        and not info.name.startswith("syncd_")
        and info.type.name not in _NOT_DRAFTED
        and sides.links.get(info.name) != _OWN_COMPANY
    )


def _pairs(
    sides: Sides, fields: Mapping[str, FieldInfo], columns: Mapping[str, FieldInfo]
) -> list[tuple[str, str, tuple[str, ...], int]]:
    """(fieldname, column, forms of its name, likeness), each side once, in the order of the table's columns."""
    names = Columns(columns, sides.entity, sides.doctype)
    found = []
    for at, (column, info) in enumerate(columns.items()):
        forms = names.forms(column)
        for rank, (name, target) in enumerate(fields.items() if forms else ()):
            score = likeness(target, sides.doctype, forms)
            if score and _fits(info, target, sides.links.get(name), score):
                found.append((-score, target.read_only or target.type.name == "Read Only", rank, at, name, column))
    taken: dict[str, tuple[str, int]] = {}
    used: set[str] = set()
    for score, _, _, _, name, column in sorted(found):
        if name not in taken and column not in used:
            taken[name] = (column, -score)
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


def _one_active(
    lines: list[Line], fields: Mapping[str, FieldInfo], columns: Mapping[str, FieldInfo], roles: Roles
) -> list[Line]:
    """A mapping without a single field does not load: one line that reads, and says that it is a guess."""
    texts = [info for info in fields.values() if info.type.kind is Kind.TEXT and info.type.options is None]
    best = next((info for info in texts if info.required), texts[0] if texts else None)
    column = next(iter(columns), roles.id[0] if roles.id else None)
    if best is None or column is None:
        return lines
    guess = Line(
        field=best.name,
        column=column,
        direction="to_erpnext",
        doubt="nothing looked alike: a guess, so that the file has a line",
    )
    return [*(line for line in lines if line.field != best.name), guess]


def _external_id(sides: Sides) -> str:
    source = re.sub(r"[^a-z0-9]+", "_", _ascii(sides.source)).strip("_") or "source"
    short = f"syncd_{source}_id"
    long = f"syncd_{source}_{mapping_name(sides.entity, sides.doctype)}_id"
    chosen = long if short in sides.taken else short
    return chosen if len(chosen) <= _LONGEST_FIELDNAME else f"{chosen[: _LONGEST_FIELDNAME - 3].rstrip('_')}_id"


def _match(lines: list[Line], sides: Sides) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Fields that tell one record from another; and those that may, but do not in the rows that were seen."""
    telling: list[str] = []
    doubtful: list[str] = []
    for line in lines:
        info, column = sides.erpnext.fields[line.field], sides.table.fields[line.column]
        known = info.unique or column.unique or line.field in _TELLING
        if not line.active or not known or line.field in sides.links or info.type.kind is not Kind.TEXT:
            continue
        sample = sides.samples.get(line.column)
        (doubtful if sample is not None and sample.repeats else telling).append(line.field)
    telling.sort(key=lambda name: _TELLING.index(name) if name in _TELLING else -1)
    return tuple(telling), tuple(doubtful)
