"""Foreign keys of a table as links: through the mapping that already pairs the other table, or as a comment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from syncd.config.draft_lines import Line
from syncd.config.draft_names import KNOWN, Columns, likeness, normal
from syncd.ports.endpoint import FieldInfo

_ENDINGS = ("_id", "_no", "_code", "_key", "_ref")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A column that holds the ids of another table. `mapping` pairs that table with `doctype`; None: none does yet."""

    column: str
    entity: str
    mapping: str | None = None
    doctype: str | None = None
    sure: bool = True
    """The database says so; else only the column's name does."""


def link_lines(
    references: Iterable[Reference],
    fields: Mapping[str, FieldInfo],
    links: Mapping[str, str],
    *,
    doctype: str,
    entity: str,
    columns: Mapping[str, FieldInfo],
) -> list[Line]:
    """A line for each reference that a Link field can hold; without a mapping of the other table it is a comment.

    `links` are the Link fields and the DocTypes that they lead to. Each field is used once.
    """
    names = Columns(columns, entity, doctype)
    lines: list[Line] = []
    for reference in references:
        taken = {line.field for line in lines}
        usable = {name: info for name, info in fields.items() if name in links and name not in taken}
        field = _field(reference, usable, links, doctype, names)
        if field is not None:
            lines.append(_line(reference, field, links[field]))
    return lines


def _field(
    reference: Reference, fields: Mapping[str, FieldInfo], links: Mapping[str, str], doctype: str, names: Columns
) -> str | None:
    """The Link field that leads to the other table's DocType, the one of the likeliest name first."""
    stem = _stem(normal(reference.column))
    forms = (*names.forms(reference.column), stem)
    if reference.doctype is not None:
        there = [name for name in fields if links[name] == reference.doctype and not fields[name].read_only]
    else:
        there = [
            name
            for name, info in fields.items()
            if stem in {normal(links[name]), normal(name)} or likeness(info, doctype, forms) >= KNOWN
        ]

    def rank(name: str) -> tuple[int, bool, int]:
        return (-likeness(fields[name], doctype, forms), not fields[name].required, list(fields).index(name))

    return min(there, key=rank, default=None)


def _stem(word: str) -> str:
    return next((word.removesuffix(ending) for ending in _ENDINGS if word.endswith(ending)), word)


def _line(reference: Reference, field: str, target: str) -> Line:
    if reference.mapping is not None:
        doubt = "" if reference.sure else f"only its name says that {reference.column} holds ids of {reference.entity}"
        return Line(field=field, column=reference.column, link=reference.mapping, doubt=doubt)
    doubt = (
        f"{reference.column} holds ids of {reference.entity}; it can be a link once a mapping pairs that table with "
        f"{target}: `syncd mapping new {_quoted(target)} --entity {_quoted(reference.entity)}`, and its name as link"
    )
    return Line(field=field, column=reference.column, link=reference.entity, doubt=doubt, active=False)


def _quoted(text: str) -> str:
    return f'"{text}"' if " " in text else text
