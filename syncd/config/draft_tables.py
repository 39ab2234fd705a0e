"""Child tables of a draft: related tables and nested lists of the source, paired with the DocType's Table fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from syncd.config.draft_lines import Line, Sample, draft_line
from syncd.config.draft_links import Reference, link_lines
from syncd.config.draft_names import ID, MODIFIED, POSITION, ROWS, normal, singular
from syncd.config.draft_pairs import drafted_fields, pairings
from syncd.core.values import Kind
from syncd.ports.endpoint import FieldInfo, Schema

_DYNAMIC_LINK = "Dynamic Link"
"""The child DocType whose rows say which documents an address or a contact belongs to."""
_NAMED, _LEAST = 3, 2
"""What a fitting name counts, in lines; and from how much on a table is drafted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSource:
    """Rows of the source: a related table (`entity`, tied by `parent`), or a nested list in `column`."""

    table: Schema
    entity: str | None = None
    parent: tuple[str, ...] = ()
    column: str | None = None
    samples: Mapping[str, Sample] = field(default_factory=dict)
    references: tuple[Reference, ...] = ()

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self.entity or self.column or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildInfo:
    """A Table field of the DocType. `links` are the Link fields of its rows and the DocTypes that they lead to."""

    doctype: str
    schema: Schema
    links: Mapping[str, str] = field(default_factory=dict)
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftTable:
    """One `[tables.NAME]`; one that is not `active` is written as a comment."""

    field: str
    rows: RowSource
    lines: tuple[Line, ...]
    key: tuple[str, ...] = ()
    unfilled: tuple[str, ...] = ()
    left_over: tuple[str, ...] = ()
    doubt: str = ""
    active: bool = True


def draft_tables(
    doctype: str, entity: str, children: Mapping[str, ChildInfo], sources: Sequence[RowSource]
) -> list[DraftTable]:
    """Each child table and each rows of the source at most once, the pair with the most in common first."""
    found: list[tuple[int, int, DraftTable]] = []
    for at, source in enumerate(sources):
        for name, child in children.items():
            if child.doctype == _DYNAMIC_LINK:
                continue
            made = _drafted(name, child, source)
            named = _is_called_so(name, source, doctype, entity)
            score = sum(line.active for line in made.lines) + (_NAMED if named else 0) + child.required
            if any(line.active and line.column for line in made.lines) and score > _LEAST:
                found.append((-score, at, made))
    taken: list[DraftTable] = []
    for _, _, made in sorted(found, key=lambda entry: entry[:2]):
        if all(made.field != other.field and made.rows is not other.rows for other in taken):
            taken.append(made)
    order = list(children)
    return sorted(taken, key=lambda made: order.index(made.field))


def _is_called_so(name: str, source: RowSource, doctype: str, entity: str) -> bool:
    """Whether the rows are called as such rows are: `order_lines` for `items`."""
    word = normal(source.name)
    for prefix in (normal(entity), singular(normal(entity)), normal(doctype)):
        word = word.removeprefix(f"{prefix}_")
    last = singular(word.rpartition("_")[2])
    return last in ROWS.get(name, frozenset()) or singular(normal(name)) == singular(word)


def _drafted(name: str, child: ChildInfo, source: RowSource) -> DraftTable:
    fields = drafted_fields(child.schema.fields, child.links)
    ids = {source.table.key[0]} if len(source.table.key) == 1 else set()
    columns = {
        column: info
        for column, info in source.table.fields.items()
        if column.strip()
        and column not in source.parent
        and normal(column) not in MODIFIED
        and not (column in ids and (info.type.kind is not Kind.TEXT or normal(column) in ID))
    }
    key = _key(source, columns)
    links = link_lines(
        source.references, fields, child.links, doctype=child.doctype, entity=source.name, columns=columns
    )
    keyed = {line.column for line in links} | {column for column in key if normal(column) in POSITION}
    used = {line.field for line in links if line.active}
    rest = {column: info for column, info in columns.items() if column not in keyed}
    free = {field: info for field, info in fields.items() if field not in used}
    found = pairings(child.doctype, source.name, free, rest, child.links)
    lines = [
        *links,
        *(
            draft_line(free[field], rest[column], child.links.get(field, ""), source.samples.get(column), forms, score)
            for field, column, forms, score in found
        ),
    ]
    filled = {line.field for line in lines if line.active}
    told = {line.column for line in lines}
    return DraftTable(
        field=name,
        rows=source,
        lines=tuple(lines),
        key=key,
        unfilled=tuple(waiting(child.schema.fields, filled)),
        left_over=tuple(column for column in columns if column not in told and column not in key),
    )


def _key(source: RowSource, columns: Mapping[str, FieldInfo]) -> tuple[str, ...]:
    """What tells one row from another: its number, else the table's own key; nothing where its place must do."""
    named = {normal(column): column for column in reversed(list(columns))}
    number = next((named[word] for word in POSITION if word in named and _counts(columns[named[word]])), None)
    if number is not None:
        return (number,)
    return tuple(column for column in source.table.key if column not in source.parent)


def _counts(info: FieldInfo) -> bool:
    return info.type.kind is Kind.INT and info.writable


def waiting(fields: Mapping[str, FieldInfo], filled: Iterable[str]) -> list[str]:
    """The fields that must have a value and get none; what is read-only the site fills itself."""
    there = set(filled)
    return [
        info.name
        for info in fields.values()
        if info.required and not info.has_default and info.writable and not info.read_only and info.name not in there
    ]


def belonging(
    entity: str, ids: tuple[str, ...], children: Mapping[str, ChildInfo], references: Sequence[Reference]
) -> list[DraftTable]:
    """The table of an address or a contact that says whose it is: each record is its own one row (docs/mappings.md)."""
    name = next((name for name, child in children.items() if child.doctype == _DYNAMIC_LINK), None)
    if name is None or not references:
        return []
    mapped = [reference for reference in references if reference.mapping is not None]
    reference = (mapped or list(references))[0]
    target = reference.doctype or "Customer"
    lines = (
        Line(field="link_doctype", column="", constant=target),
        Line(field="link_name", column=reference.column, link=reference.mapping or reference.entity),
    )
    doubts = []
    if reference.mapping is None:
        doubts.append(f"no mapping pairs {reference.entity} with {target} yet: link names one that does")
    if len(mapped) > 1:
        doubts.append(f"a record has one row here, and {', '.join(each.column for each in mapped)} each name an owner")
    return [
        DraftTable(
            field=name,
            rows=RowSource(table=Schema(entity=entity, fields={}), entity=entity, parent=ids),
            lines=lines,
            doubt="; ".join(doubts),
            active=bool(mapped),
        )
    ]
