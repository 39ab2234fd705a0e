"""`[tables.NAME]`, `[lifecycle]` and `[create]` of a mapping file as parts of its `MappingSpec`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from syncd.config.field_lines import ChildTable, check_fieldname
from syncd.config.mapping_fields import Flow, check_within, check_writers, row_field
from syncd.config.mapping_file import LifecycleTable, MappingFile
from syncd.config.problems import Place, Wrong, suggestion
from syncd.config.toml import as_toml
from syncd.core.model import Side
from syncd.core.spec import Create, CreateMethod, FieldSpec, LifecycleSpec, SourceDeleted, TableSpec

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_STATES = ("draft", "submitted", "cancelled")
_ROWS_HINT = 'write source = "lines" for a nested list, or rows = { entity = "order_lines", parent = "order_id" }'


def build_tables(content: MappingFile, flow: Flow, at: Place) -> tuple[TableSpec, ...]:
    """The child tables; `at` is the file's place."""
    place = at.child("tables")
    tables = tuple(
        _table(name, table, content, flow, place.child(name, chosen=True)) for name, table in content.tables.items()
    )
    first: dict[str, str] = {}
    for table in tables:
        twin = first.setdefault(table.slot, table.erpnext)
        if table.slot and twin != table.erpnext:
            place.child(table.erpnext, chosen=True).problem(
                f"the table {as_toml(twin)} has its rows from {as_toml(table.source or table.entity)} as well",
                "take one of them out: the same rows cannot stand in two tables",
            )
    return tables


def _table(name: str, table: ChildTable, content: MappingFile, flow: Flow, at: Place) -> TableSpec:
    direction = table.direction or flow.direction
    inner = Flow(direction, table.wins or flow.wins, flow.owner if table.direction is None else "table")
    lines = at.child("fields")
    fields = tuple(row_field(key, line, inner, lines.child(key, chosen=True)) for key, line in table.fields.items())
    parent = table.rows.parent if table.rows is not None else ()
    try:
        check_fieldname(name)
    except Wrong as wrong:
        at.problem(wrong.message, wrong.hint)
    if name in content.fields:
        at.problem(f"{as_toml(name)} is mapped under [fields] too", "keep one: a table is mapped row by row here")
    check_within(direction, flow, at.child("direction"))
    _check_rows(table, content, at)
    if not any(field.source for field in fields) and at.sound("fields"):
        lines.problem("no field of the rows is mapped to a column", 'write one line for each: qty = "quantity"')
    check_writers(fields, dict.fromkeys(parent, "rows.parent"), lines)
    _check_key(table, fields, content, at)
    return TableSpec(
        erpnext=name,
        fields=fields,
        source=table.source,
        entity=None if table.rows is None else table.rows.entity,
        parent=parent,
        key=table.key,
        direction=direction,
        wins=inner.wins,
    )


def _check_rows(table: ChildTable, content: MappingFile, at: Place) -> None:
    """Where the rows are: in the record itself, or in a related table that names the record."""
    rows = table.rows
    if table.source is None and rows is None:
        if at.sound("source", "rows"):
            at.problem("has neither source nor rows", _ROWS_HINT)
        return
    if rows is None or not at.sound("rows"):
        return
    place = at.child("rows")
    if table.source is not None:
        place.problem("source and rows are both given", "keep one")
    wanted = content.source.id
    if rows.entity == content.mapping.entity and wanted and set(rows.parent) != set(wanted):
        place.child("entity").problem(
            f"{as_toml(rows.entity)} is the mapping's own entity, so its records would be rows of one another",
            f"name the table that holds the rows; or, where each record is its own one row, parent = "
            f"{as_toml(wanted[0] if len(wanted) == 1 else list(wanted))}",
        )
        return
    if wanted and len(rows.parent) != len(wanted):
        place.child("parent").problem(
            f"names {_counted(rows.parent)}, but [source] id has {_counted(wanted)}",
            f"name the columns of {rows.entity} that hold {', '.join(wanted)}, in this order",
        )
    if len(set(rows.parent)) < len(rows.parent):
        place.child("parent").problem("a column stands there twice", "name each once")


def _counted(columns: tuple[str, ...]) -> str:
    return f"{len(columns)} column{'s' if len(columns) > 1 else ''}"


def _check_key(table: ChildTable, fields: tuple[FieldSpec, ...], content: MappingFile, at: Place) -> None:
    place = at.child("key")
    own = table.rows is not None and table.rows.entity == content.mapping.entity
    columns = {field.erpnext: field.source for field in fields}
    if len(set(table.key)) < len(table.key):
        place.problem("a column stands there twice", "name each once")
    for name in table.key:
        column = columns.get(name)
        if column is not None and name not in columns.values():
            place.warn(
                f"{as_toml(name)} is a field of ERPNext; a key names columns of the source",
                f"if its column is meant, write key = {as_toml(column)}",
            )
    if table.key and table.rows is not None and not own and set(table.key) <= set(table.rows.parent):
        place.problem("names nothing but the record itself", 'name what tells its rows apart: key = "line_no"')


def build_lifecycle(content: MappingFile, at: Place) -> LifecycleSpec | None:
    """`[lifecycle]`; `at` is the file's place."""
    table, place = content.lifecycle, at.child("lifecycle")
    if table is None:
        return None
    _check_states(table, place)
    source = content.source
    own = {source.modified: "modified", source.deleted: "deleted", source.erpnext_name: "erpnext_name"}
    own |= dict.fromkeys(source.id, "id")
    if table.field in own and place.sound("field"):
        place.child("field").problem(
            f"the column {as_toml(table.field)} is [source] {own[table.field]}: it holds no state",
            "name the column that says whether a document is a draft, submitted or cancelled",
        )
    if content.delete.source_deleted is SourceDeleted.DELETE:
        at.child("delete").child("source_deleted").warn(
            '"delete" takes drafts only: ERPNext deletes no document that is submitted',
            'write "cancel" for those that are submitted',
        )
    return LifecycleSpec(
        field=table.field,
        draft=table.draft,
        submitted=table.submitted,
        cancelled=table.cancelled,
        changed_after_submit=table.changed_after_submit,
        submit_fails=table.submit_fails,
        reopened=table.reopened,
        draft_voided=table.draft_voided,
        cancel_linked=table.cancel_linked,
    )


def _check_states(table: LifecycleTable, at: Place) -> None:
    """Each value of the source means one state."""
    means: dict[str, str] = {}
    for state in _STATES:
        values: tuple[str, ...] = getattr(table, state)
        if len(set(values)) < len(values):
            at.child(state).problem("a value stands there twice", "name each once")
        for value in dict.fromkeys(values):
            other = means.setdefault(value, state)
            if other != state:
                at.child(state).problem(f"{as_toml(value)} stands in {other} too", "keep it in one of the two")


def build_create(content: MappingFile, create: Create, fields: tuple[FieldSpec, ...], at: Place) -> CreateMethod | None:
    """`[create]`; `create` says where missing partners are made, `at` is the file's place."""
    table, place = content.create, at.child("create")
    if table is None:
        return None
    direction = content.mapping.direction
    if not direction.reaches(Side.ERPNEXT):
        place.problem(f'the mapping\'s direction "{direction.value}" writes nothing into ERPNext', "take the table out")
    elif not create.allows(Side.ERPNEXT):
        place.problem(f'[match] create = "{create.value}" makes nothing in ERPNext', "take the table out")
    for name, child in content.tables.items():
        if (child.direction or direction).reaches(Side.ERPNEXT):
            at.child("tables").child(name, chosen=True).problem(
                "ERPNext builds the rows itself with [create] method",
                'take the table out, or only read it: direction = "to_source"',
            )
    mapped = {field.erpnext: field for field in fields}
    for name, value in table.args.items():
        if isinstance(value, str):
            _check_placeholders(value, mapped, at, place.child("args").child(name, chosen=True))
    return CreateMethod(method=table.method, args=table.args)


def _check_placeholders(text: str, mapped: Mapping[str, FieldSpec], file: Place, at: Place) -> None:
    for name in dict.fromkeys(_PLACEHOLDER.findall(text)):
        field = mapped.get(name)
        if field is None and file.child("fields").sound(name):
            column = next((each.erpnext for each in mapped.values() if each.source == name), None)
            hint = f"write the ERPNext field: {{{column}}}" if column else suggestion(name, mapped, plural="fields")
            at.problem(f"{as_toml(f'{{{name}}}')} stands for a field that is not mapped under [fields]", hint)
        elif field is not None and field.source is not None and not field.direction.reaches(Side.ERPNEXT):
            at.problem(
                f"{as_toml(f'{{{name}}}')}: the field flows to the source only", "name a field that flows to ERPNext"
            )
