"""The lines of `[fields]` and of `[tables.NAME.fields]` as `FieldSpec`s, each checked by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from syncd.config.field_lines import FieldLine, RowLine
from syncd.config.problems import Place
from syncd.config.toml import as_toml
from syncd.core.compute import Expression
from syncd.core.convert import build_lens
from syncd.core.model import Direction, Side, Wins
from syncd.core.spec import COMPUTED, FieldSpec
from syncd.core.values import FieldType, InvalidValue, Kind

_TEXT = FieldType(kind=Kind.TEXT)
"""Stands for the types of both sides where they are not known yet: every converter takes text."""

SERVERS_OWN = frozenset({"modified", "modified_by", "creation", "owner", "docstatus", "idx", "doctype", "name"})
"""ERPNext's standard fields: the site sets them, whatever it is sent."""
_ROWS_OWN = SERVERS_OWN | {"parent", "parentfield", "parenttype"}
"""Those of the rows of child tables."""
_SYNCDS_OWN = "amended_from"
"""Tells the predecessor of an amendment: syncd fills it when it makes one."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What lines take over from the table around them. `owner` names it in messages: the mapping, or the table."""

    direction: Direction
    wins: Wins
    owner: str


def document_field(name: str, line: FieldLine, flow: Flow, at: Place) -> FieldSpec:
    """One line of `[fields]`; problems are noted under `at`, its place."""
    if line.compute is not None:
        return _computed(name, line, line.compute, flow, at)
    return _plain(name, line, flow, SERVERS_OWN, at)


def row_field(name: str, line: RowLine, flow: Flow, at: Place) -> FieldSpec:
    """One line of `[tables.NAME.fields]`; problems are noted under `at`, its place."""
    return _plain(name, line, flow, _ROWS_OWN, at)


def _plain(name: str, line: RowLine, flow: Flow, own: frozenset[str], at: Place) -> FieldSpec:
    """A line with a source or a constant. `own` are the fields that nobody but the site writes."""
    direction = line.direction or flow.direction
    if at.sound() and line.source is None:
        _check_constant(line, at)
        _check_writable(name, own, at)
    elif at.sound():
        _check_flow(line, direction, flow, at)
        _check_lens(line, direction, at)
        if direction.reaches(Side.ERPNEXT):
            _check_writable(name, own, at)
    return FieldSpec(
        erpnext=name,
        source=line.source,
        converters=line.convert,
        values=line.values,
        default=line.default,
        constant=line.constant,
        direction=direction,
        wins=line.wins or flow.wins,
        enforce=line.enforce,
        link=line.link,
    )


def _computed(name: str, line: FieldLine, text: str, flow: Flow, at: Place) -> FieldSpec:
    inputs: tuple[str, ...] = ()
    if at.sound():
        _check_alone(line, at)
        if line.direction not in {None, Direction.TO_ERPNEXT}:
            at.child("direction").problem("a computed field flows to ERPNext only", "take direction out")
        elif not flow.direction.reaches(Side.ERPNEXT):
            at.child("compute").problem(
                f'the {flow.owner}\'s direction "{flow.direction.value}" writes nothing into ERPNext',
                "take the line out",
            )
        _check_writable(name, SERVERS_OWN, at)
        try:
            inputs = Expression(text).inputs
        except InvalidValue as wrong:
            at.child("compute").problem(wrong.reason, "for example compute = \"source.first + ' ' + source.last\"")
    return FieldSpec(
        erpnext=name,
        source=f"{COMPUTED}{name}",
        default=line.default,
        direction=Direction.TO_ERPNEXT,
        wins=line.wins or flow.wins,
        enforce=line.enforce,
        compute=text,
        inputs=inputs,
    )


def _check_alone(line: FieldLine, at: Place) -> None:
    """The keys that say in another way what the field is."""
    if line.source is not None:
        at.child("source").problem("source and compute are both given", "keep one; compute reads its columns itself")
    if line.constant is not None:
        at.child("constant").problem("constant and compute are both given", "keep one")
    given = {"link": line.link is not None, "convert": bool(line.convert), "values": line.values is not None}
    for key in (key for key, there in given.items() if there):
        at.child(key).problem(
            f"a computed field takes no {key}: the expression gives the value as ERPNext is to hold it",
            f"take {key} out, or name a source",
        )


def _check_constant(line: RowLine, at: Place) -> None:
    if line.constant is None:
        compute = " nor compute" if isinstance(line, FieldLine) else ""
        at.problem(
            f"has neither source nor constant{compute}",
            f'write {at.key} = "column" or {at.key} = {{ constant = "…" }}',
        )
        return
    given = {
        "link": line.link is not None,
        "convert": bool(line.convert),
        "values": line.values is not None,
        "default": line.default is not None,
        "direction": line.direction is not None,
        "wins": line.wins is not None,
        "enforce": line.enforce,
    }
    for key in (key for key, there in given.items() if there):
        at.child(key).problem(
            "a constant takes no other key: it is written at creation only", f"take {key} out, or name a source"
        )


def _check_flow(line: RowLine, direction: Direction, flow: Flow, at: Place) -> None:
    """The keys of a field that has a source, against one another and the direction of what is around it."""
    if line.constant is not None:
        at.child("constant").problem("source and constant are both given", "keep one; default fills empty values")
    if line.link is not None and line.values is not None:
        at.child("values").problem(
            "link and values are both given: a link makes ERPNext's name of the source's id", "keep one"
        )
    check_within(direction, flow, at.child("direction"))
    if line.default is not None and not direction.reaches(Side.ERPNEXT):
        at.child("default").problem(
            "default fills ERPNext when the source is empty, but this field flows to the source only",
            "take default out, or change the direction",
        )
    if line.enforce and direction is Direction.BOTH:
        at.child("enforce").problem(
            "enforce is for one-way fields: it undoes edits on the receiving side",
            'give the field a direction, "to_erpnext" or "to_source"',
        )


def check_within(direction: Direction, flow: Flow, at: Place) -> None:
    """Notes a direction that the one around it does not allow."""
    if flow.direction is not Direction.BOTH and direction is not flow.direction:
        at.problem(
            f'"{direction.value}" contradicts the {flow.owner}\'s direction "{flow.direction.value}"',
            f'leave it out, or make the {flow.owner}\'s direction "both"',
        )


def _check_lens(line: RowLine, direction: Direction, at: Place) -> None:
    """Converters exist, have their arguments, and can be undone where the field flows both ways."""
    for text in line.convert:
        try:
            build_lens((text,), None, _TEXT, _TEXT)
        except InvalidValue as wrong:
            at.child("convert").problem(
                wrong.reason, 'for example convert = "trim", or a list, applied from source to ERPNext'
            )
    if not at.sound("convert"):
        return
    try:
        lens = build_lens(line.convert, line.values, _TEXT, _TEXT)
    except InvalidValue as wrong:
        at.child("values").problem(wrong.reason.removeprefix("values: "), "correct the entry")
        return
    if direction is Direction.BOTH and not (lens.invertible or lens.normalising):
        key = "values" if line.values is not None else "convert"
        at.child(key).problem(
            f"this cannot be undone: {lens.loses}", 'give the field one way: direction = "to_erpnext"'
        )


def _check_writable(name: str, own: frozenset[str], at: Place) -> None:
    if name in own:
        hint = 'read it only: direction = "to_source"'
        if name == "docstatus":
            hint += "; which documents are submitted is said under [lifecycle]"
        at.problem(f"ERPNext sets {as_toml(name)} itself, and takes no value for it", hint)
    elif name == _SYNCDS_OWN:
        at.problem(
            f"syncd fills {as_toml(name)} itself when it amends a document", 'read it only: direction = "to_source"'
        )


def check_writers(fields: tuple[FieldSpec, ...], own: Mapping[str, str], at: Place) -> None:
    """Each column of the source has one writer; those in `own` (column → what it is) are syncd's. `at`: their table."""
    writers: dict[str, str] = {}
    for field in fields:
        if field.source is None or not field.direction.reaches(Side.SOURCE):
            continue
        line = at.child(field.erpnext, chosen=True)
        if field.source in own:
            line.problem(
                f"the column {as_toml(field.source)} is {own[field.source]}: syncd writes it itself",
                'read it only: direction = "to_erpnext"',
            )
        elif field.source in writers:
            line.problem(
                f"{as_toml(writers[field.source])} and {as_toml(field.erpnext)} both write to {as_toml(field.source)}",
                'let one of them only read it: direction = "to_erpnext"',
            )
        writers.setdefault(field.source, field.erpnext)
