"""`syncd mapping new`: a mapping drafted from the schemas of both sides. Pure: schemas and samples in, text out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from syncd.config.draft_lines import Line, Sample, draft_line
from syncd.config.draft_links import Reference, link_lines
from syncd.config.draft_names import DELETED, ERPNEXT_NAME, ID, MODIFIED, normal, singular
from syncd.config.draft_pairs import FIELDNAME, drafted_fields, pairings
from syncd.config.draft_states import States, states_of
from syncd.config.draft_tables import ChildInfo, DraftTable, RowSource, belonging, draft_tables, waiting
from syncd.core.values import Kind
from syncd.ports.endpoint import FieldInfo, Schema

_LONGEST_FIELDNAME = 60
"""Characters; MariaDB's column names end at 64."""
_STAMPS = frozenset({Kind.TEXT, Kind.DATETIME, Kind.INT, Kind.NUMBER})
_MARKS = _STAMPS | {Kind.BOOL, Kind.DATE}
_TELLING = ("tax_id", "email_id", "item_code", "mobile_no")
"""Fields whose values tell one record from another although no index says so, the best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """What is to be paired, and what both sides say of themselves.

    `links` and `tables` are fieldnames of the DocType and the DocTypes they lead to, `dynamic` its Dynamic Link fields
    and the fields that name their DocTypes; `taken` the external-id fields that other entities use. `references` are
    the table's foreign keys, `rows` what else of the source belongs to its records. `site` is None where the deployment
    has one only.
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
    dynamic: Mapping[str, str] = field(default_factory=dict)
    children: Mapping[str, ChildInfo] = field(default_factory=dict)
    rows: Sequence[RowSource] = ()
    references: Sequence[Reference] = ()


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
    tables: tuple[DraftTable, ...] = ()
    states: States | None = None
    read_only: bool = False
    """Nothing can be written to the table: the mapping flows to ERPNext alone."""


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
    read_only = all(info.read_only or not info.writable for info in sides.table.fields.values())
    states = states_of(sides.table, sides.samples) if sides.erpnext.submittable else None
    tables = (
        *draft_tables(sides.doctype, sides.entity, sides.children, sides.rows),
        *belonging(sides.entity, roles.id, sides.children, sides.references),
    )
    lines = [_as_it_flows(line, read_only=read_only) for line in _lines(sides, roles, tables, states)]
    filled = {line.field for line in lines if line.active}
    used = {line.column for line in lines} | _elsewhere(roles, tables, states) | set(roles.id)
    match, doubtful = _match(lines, sides)
    return Draft(
        sides=sides,
        roles=roles,
        external_id=_external_id(sides),
        lines=tuple(lines),
        match=match,
        doubtful_match=doubtful,
        unfilled=tuple(name for name in waiting(sides.erpnext.fields, filled) if FIELDNAME.fullmatch(name)),
        left_over=tuple(name for name in sides.table.fields if name not in used),
        tables=tables,
        states=states,
        read_only=read_only,
    )


def _elsewhere(roles: Roles, tables: Iterable[DraftTable], states: States | None) -> set[str]:
    """Columns that are told outside of `[fields]`."""
    own = {roles.modified, roles.deleted, roles.erpnext_name, None if states is None else states.column}
    for table in tables:
        own.add(table.rows.column)
        own |= {line.column for line in table.lines if table.rows.column is None and not table.rows.table.fields}
    return {name for name in own if name}


def _lines(sides: Sides, roles: Roles, tables: Iterable[DraftTable], states: States | None) -> list[Line]:
    elsewhere = _elsewhere(roles, tables, states)
    fields = drafted_fields(sides.erpnext.fields, sides.links)
    references = [each for each in sides.references if each.column not in elsewhere]
    links = link_lines(
        references, fields, sides.links, doctype=sides.doctype, entity=sides.entity, columns=sides.table.fields
    )
    links += _dynamic_lines(references, links, sides)
    linked, taken = {line.column for line in links}, {line.field for line in links if line.active}
    columns = {
        name: info
        for name, info in sides.table.fields.items()
        if name not in elsewhere and name not in linked and name.strip() and not _is_only_id(name, roles, sides)
    }
    free = {name: info for name, info in fields.items() if name not in taken}
    lines = [
        draft_line(free[name], columns[column], sides.links.get(name, ""), sides.samples.get(column), forms, score)
        for name, column, forms, score in pairings(sides.doctype, sides.entity, free, columns, sides.links)
    ]
    if not any(line.active for line in [*links, *lines]):
        lines = _one_active(lines, free, columns, roles)
    order = {name: at for at, name in enumerate(sides.table.fields)}
    told = sorted([*links, *lines], key=lambda line: order.get(line.column, -1))
    dated = any(line.active and line.field in {"posting_date", "posting_time"} for line in told)
    if dated and "set_posting_time" in sides.erpnext.fields:
        told.append(Line(field="set_posting_time", column="", constant=True))
    return told


def _dynamic_lines(references: Iterable[Reference], links: Iterable[Line], sides: Sides) -> list[Line]:
    """A Dynamic Link through a mapping whose DocType no Link field leads to, with the field that names the DocType."""
    told = {line.column for line in links}
    for reference in references:
        for name, decides in sides.dynamic.items() if reference.mapping and reference.column not in told else ():
            info = sides.erpnext.fields.get(name)
            if info is None or info.read_only or decides not in sides.erpnext.fields:
                continue
            doubt = f"every document then belongs to a {reference.doctype}"
            return [
                Line(field=decides, column="", constant=reference.doctype, doubt=doubt),
                Line(field=name, column=reference.column, link=reference.mapping or ""),
            ]
    return []


def _as_it_flows(line: Line, *, read_only: bool) -> Line:
    """Where nothing can be written to the table the mapping says so, and no line has to."""
    return replace(line, direction="") if read_only and line.direction == "to_erpnext" else line


def _is_only_id(name: str, roles: Roles, sides: Sides) -> bool:
    """Whether a column of the id is nothing but that: a number, or named so. A natural key (a SKU) is a value too."""
    if name not in roles.id:
        return False
    word = normal(name)
    own_ids = {*ID, f"{singular(normal(sides.entity))}_id", f"{normal(sides.doctype)}_id"}
    return sides.table.fields[name].type.kind is not Kind.TEXT or word in own_ids


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
        if not line.active or not line.column or line.link:
            continue
        info, column = sides.erpnext.fields[line.field], sides.table.fields[line.column]
        known = info.unique or column.unique or line.field in _TELLING
        if not known or line.field in sides.links or info.type.kind is not Kind.TEXT:
            continue
        sample = sides.samples.get(line.column)
        (doubtful if sample is not None and sample.repeats else telling).append(line.field)
    telling.sort(key=lambda name: _TELLING.index(name) if name in _TELLING else -1)
    return tuple(telling), tuple(doubtful)
