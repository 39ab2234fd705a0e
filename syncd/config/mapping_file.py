"""mappings/NAME.toml as it is written: contract, "mappings/NAME.toml". `mappings` makes a `MappingSpec` of it."""

# ruff: noqa: RUF009 - `entry` and `optional` make dataclass fields, as dataclasses.field does

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from syncd.config.field_lines import ChildTable, FieldLine, FieldLines, check_fieldname, scalar
from syncd.config.kinds import Choice, Duration, Flag, Text, Texts, Zone
from syncd.config.problems import Place, Wrong, suggestion
from syncd.config.settings import SHORTEST_PASS, Cron, check_pace
from syncd.config.tables import KeyKind, Named, Section, Table, entry, optional
from syncd.config.toml import as_toml
from syncd.core.model import Direction, Raw, Wins
from syncd.core.spec import (
    CancelLinked,
    ChangedAfterSubmit,
    Create,
    DraftVoided,
    ErpnextDeleted,
    LeftScope,
    Reopened,
    SourceDeleted,
    SubmitFails,
    Touch,
    WriteBack,
)

Condition = tuple[Raw | tuple[Raw, ...], ...]
"""One filter of ERPNext: (fieldname, operator, value or values)."""

_LISTS = ("in", "not in")
OPERATORS = (
    *("=", "!=", ">", "<", ">=", "<=", "like", "not like", "in", "not in", "is", "between"),
    *("timespan", "previous", "next"),
    *("descendants of", "not descendants of", "ancestors of", "not ancestors of"),
)
"""The operators that a site takes in every version from 14 on."""
_OTHER_OPERATORS = {"==": "=", "<>": "!=", "=>": ">=", "=<": "<=", "ilike": "like", "equals": "=", "!==": "!="}

_METHOD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+")
FILTER_HINT = 'write a list of lists: filters = [["customer_group", "=", "Commercial"]]'
RULE_HINT = 'write a list of rules, each a list of fields: by = [["tax_id"], ["customer_name", "territory"]]'


class Filters(KeyKind[tuple[Condition, ...]]):
    """ERPNext's filters, as its API takes them, without the DocType."""

    expected = "an array of filters"
    blank: tuple[Condition, ...] = ()

    def _read(self, value: object, at: Place) -> tuple[Condition, ...]:
        if not isinstance(value, list):
            raise self.wrong_type(value, _filters_of_table(value))
        if len(value) == 3 and isinstance(value[0], str):
            raise Wrong("one filter stands there without its own brackets", f"write filters = [{as_toml(value)}]")
        return tuple(condition for item in value if (condition := _condition(item, at)))


def _filters_of_table(value: object) -> str:
    if not isinstance(value, dict) or not value:
        return FILTER_HINT
    return f"write filters = {as_toml([[name, '=', item] for name, item in value.items()])}"


def _condition(item: object, at: Place) -> Condition | None:
    """One filter; None, and a problem, when it is none."""
    shown = as_toml(item)
    if isinstance(item, list) and len(item) == 4 and all(isinstance(part, str) for part in item[:3]):
        at.problem(f"{shown} names the DocType too", f"leave it out: {as_toml(item[1:])}")
        return None
    if not isinstance(item, list) or len(item) != 3:
        at.problem(f"{shown} is no filter: it takes a field, an operator and a value", FILTER_HINT)
        return None
    name, operator, value = item
    if not isinstance(name, str) or not isinstance(operator, str):
        at.problem(f"{shown} is no filter: field and operator are strings", FILTER_HINT)
        return None
    try:
        check_fieldname(name)
        word = _operator(operator)
        return (name, word, _operand(word, value, item))
    except Wrong as wrong:
        at.problem(wrong.message, wrong.hint)
        return None


def _operator(text: str) -> str:
    word = " ".join(text.lower().split())
    if word in OPERATORS:
        return word
    other = _OTHER_OPERATORS.get(word)
    hint = f"did you mean {as_toml(other)}?" if other else suggestion(word, OPERATORS, plural="operators")
    raise Wrong(f"{as_toml(text)} is no operator of a filter", hint)


def _operand(operator: str, value: object, item: list[object]) -> Raw | tuple[Raw, ...]:
    """The value of a filter in the shape its operator takes."""
    many = isinstance(value, list)
    if operator in _LISTS and not many:
        raise Wrong(f"{as_toml(item)}: {as_toml(operator)} takes a list", f"write {as_toml([*item[:2], [value]])}")
    if operator == "between" and not (isinstance(value, list) and len(value) == 2):
        raise Wrong(
            f"{as_toml(item)}: {as_toml(operator)} takes a list of two", f"write {as_toml([*item[:2], ['from', 'to']])}"
        )
    if operator == "is" and value not in ("set", "not set"):
        raise Wrong(f'{as_toml(item)}: "is" takes "set" or "not set"', f"write {as_toml([item[0], 'is', 'set'])}")
    if many and operator not in (*_LISTS, "between"):
        hint = f"for a list write {as_toml([item[0], 'in', value])}"
        raise Wrong(f"{as_toml(item)}: {as_toml(operator)} takes one value", hint)
    if not isinstance(value, list):
        return scalar(value)
    if not value:
        raise Wrong(f"{as_toml(item)}: the list is empty: nothing would fit", "name at least one value")
    return tuple(scalar(part) for part in value)


class SourceFilters(KeyKind[Mapping[str, Raw]]):
    """The source's filters: columns and the value each must have."""

    expected = "a table of columns and values"
    blank: Mapping[str, Raw] = {}

    def _read(self, value: object, at: Place) -> Mapping[str, Raw]:
        if not isinstance(value, dict):
            raise self.wrong_type(value, "write filters = { active = true }")
        filters: dict[str, Raw] = {}
        for name, item in value.items():
            place = at.child(name, chosen=True)
            try:
                filters[name] = scalar(item)
            except Wrong as wrong:
                place.problem(wrong.message, f"write the value that {name} must have: filters = {{ {name} = true }}")
        return filters


class Rules(KeyKind[tuple[tuple[str, ...], ...]]):
    """Match rules: lists of ERPNext fieldnames."""

    expected = "an array of rules"
    blank: tuple[tuple[str, ...], ...] = ()

    def _read(self, value: object, at: Place) -> tuple[tuple[str, ...], ...]:  # noqa: ARG002
        if not isinstance(value, list):
            raise self.wrong_type(value, RULE_HINT)
        if value and all(isinstance(item, str) for item in value):
            raise Wrong("the fields stand there without a rule's own brackets", f"write by = [{as_toml(value)}]")
        for rule in value:
            if not isinstance(rule, list) or not rule or not all(isinstance(name, str) for name in rule):
                raise Wrong(f"{as_toml(rule)} is no rule", RULE_HINT)
        return tuple(tuple(dict.fromkeys(rule)) for rule in value)


class FieldName(KeyKind[str]):
    """An ERPNext fieldname."""

    expected = "a fieldname"
    blank = ""

    def _read(self, value: object, at: Place) -> str:
        return Text(check_fieldname).read(value, at)


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingTable(Table):
    """`[mapping]`."""

    NEEDS = "doctype, source and entity"
    doctype: str = entry(Text(), required=True)
    source: str = entry(Text(), required=True)
    entity: str = entry(Text(), required=True)
    site: str | None = optional(Text())
    direction: Direction = entry(Choice(Direction))
    every: float | None = optional(Duration(SHORTEST_PASS))
    cron: str | None = optional(Cron())
    enabled: bool = entry(Flag(), default=True)

    def finish(self, at: Place) -> MappingTable:
        """At most one of `every` and `cron`."""
        check_pace(at, self.every, self.cron)
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class ErpnextTable(Table):
    """`[erpnext]`."""

    filters: tuple[Condition, ...] = entry(Filters())
    external_id: str | None = optional(FieldName())
    write_back: WriteBack = entry(Choice(WriteBack))
    group: tuple[str, ...] = entry(Texts())


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTable(Table):
    """`[source]`."""

    NEEDS = 'id, the column that tells one record from another: id = "id"'
    id: tuple[str, ...] = entry(Texts(), required=True)
    modified: str | None = optional(Text())
    touch: Touch = entry(Choice(Touch))
    timezone: str = entry(Zone(auto=False), default="UTC")
    deleted: str | None = optional(Text())
    erpnext_name: str | None = optional(Text())
    filters: Mapping[str, Raw] = entry(SourceFilters())


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchTable(Table):
    """`[match]`."""

    by: tuple[tuple[str, ...], ...] = entry(Rules())
    create: Create | None = optional(Choice(Create))


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictTable(Table):
    """`[conflict]`."""

    wins: Wins = entry(Choice(Wins))


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteTable(Table):
    """`[delete]`."""

    source_deleted: SourceDeleted = entry(Choice(SourceDeleted))
    erpnext_deleted: ErpnextDeleted = entry(Choice(ErpnextDeleted))
    left_scope: LeftScope = entry(Choice(LeftScope))


class Args(KeyKind[Mapping[str, Raw]]):
    """`args` of `[create]`: the arguments of the method; `{field}` stands for a mapped value."""

    expected = "a table of arguments"
    blank: Mapping[str, Raw] = {}

    def _read(self, value: object, at: Place) -> Mapping[str, Raw]:
        if not isinstance(value, dict):
            raise self.wrong_type(value, 'write args = { dt = "Sales Invoice", dn = "{invoice}" }')
        args: dict[str, Raw] = {}
        for name, item in value.items():
            place = at.child(name, chosen=True)
            try:
                args[name] = scalar(item)
            except Wrong as wrong:
                place.problem(wrong.message, wrong.hint)
        return args


def _check_method(text: str) -> None:
    if not _METHOD.fullmatch(text):
        raise Wrong(
            f"{as_toml(text)} is no method of a site",
            'write its dotted path, like "erpnext.module.file.function"',
        )


class States(KeyKind[tuple[str, ...]]):
    """Values of the source's state column: one or several, kept as text as `values` keeps them."""

    expected = "a value or an array of values"
    blank: tuple[str, ...] = ()

    def _read(self, value: object, at: Place) -> tuple[str, ...]:
        items = value if isinstance(value, list) else [value]
        if not items:
            raise Wrong("is empty", "name at least one value, or leave the key out")
        for item in items:
            if not isinstance(item, str | int):
                raise self.wrong_type(item, f'for example {at.key} = ["one", "two"]')
            if isinstance(item, str) and not item.strip():
                raise Wrong("an empty value stands in it", "take it out")
        return tuple(str(int(item)) if isinstance(item, bool) else str(item) for item in items)


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleTable(Table):
    """`[lifecycle]`."""

    field: str = entry(Text(), required=True)
    draft: tuple[str, ...] = entry(States())
    submitted: tuple[str, ...] = entry(States(), required=True)
    cancelled: tuple[str, ...] = entry(States())
    changed_after_submit: ChangedAfterSubmit = entry(Choice(ChangedAfterSubmit))
    submit_fails: SubmitFails = entry(Choice(SubmitFails))
    reopened: Reopened = entry(Choice(Reopened))
    draft_voided: DraftVoided = entry(Choice(DraftVoided))
    cancel_linked: CancelLinked = entry(Choice(CancelLinked))


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTable(Table):
    """`[create]`."""

    method: str = entry(Text(_check_method), required=True)
    args: Mapping[str, Raw] = entry(Args())


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingFile(Table):
    """The whole of mappings/NAME.toml."""

    mapping: MappingTable = entry(Section(MappingTable))
    erpnext: ErpnextTable = entry(Section(ErpnextTable))
    source: SourceTable = entry(Section(SourceTable))
    match: MatchTable = entry(Section(MatchTable))
    conflict: ConflictTable = entry(Section(ConflictTable))
    delete: DeleteTable = entry(Section(DeleteTable))
    fields: Mapping[str, FieldLine] = entry(FieldLines(FieldLine))
    tables: Mapping[str, ChildTable] = entry(Named(ChildTable, "items"))
    lifecycle: LifecycleTable | None = optional(Section(LifecycleTable))
    create: CreateTable | None = optional(
        Section(CreateTable, 'where missing partners are created is said under [match]: create = "both"')
    )
