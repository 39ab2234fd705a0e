"""Findings about the ERPNext side of one mapping, for `syncd check`; reads only."""

from __future__ import annotations

from typing import Any

from syncd.adapters.erpnext.calls import ListQuery
from syncd.adapters.erpnext.child_reader import ChildReader
from syncd.adapters.erpnext.client import SiteClient
from syncd.adapters.erpnext.errors import ReadRefusedError
from syncd.adapters.erpnext.fitting import close, no_table
from syncd.adapters.erpnext.meta import load_schema, table_fields
from syncd.adapters.erpnext.operations import DOCTYPE, has_operations
from syncd.adapters.erpnext.wire import RowShape, TableShape
from syncd.core.mapping import MappingSpec, SourceDeleted, layout, table_layout
from syncd.core.model import Side
from syncd.errors import AccessError, GoneError, Problem
from syncd.ports.endpoint import Schema

_SHARED = frozenset({"Administrator", "Guest"})


def check_site(client: SiteClient, spec: MappingSpec) -> list[Problem]:
    """Rights, the external-id field, exactly-once creation and the user, as the site tells them.

    Raises `UnreachableError`, `AccessError` (credentials) and `HaltError` (no such DocType). Whether the mapped fields
    exist and fit is for the caller, who has the schema; here they are only read.
    """
    schema = load_schema(client, spec.doctype, [table.erpnext for table in spec.tables])
    user = client.user()
    problems = [*_about_user(spec, user), *_about_external_id(spec, schema), *_about_tables(client, spec, schema)]
    if spec.direction.reaches(Side.ERPNEXT) and spec.create.allows(Side.ERPNEXT) and not has_operations(client):
        problems.append(
            Problem(
                file=spec.file,
                key="mapping.site",
                message=f"{client.base_url} has no DocType {DOCTYPE} that {user} may read: a creation whose answer is "
                "lost is only looked for, and waits 150 s",
                hint="run syncd provision --apply, which makes creations exactly-once",
                warning=True,
            )
        )
    return [*problems, *_about_rights(client, spec, schema, user)]


def _about_user(spec: MappingSpec, user: str) -> list[Problem]:
    if user not in _SHARED:
        return []
    return [
        Problem(
            file=spec.file,
            key="mapping.site",
            message=f"syncd writes as {user}, which people use too: their edits cannot be told from its own",
            hint="make a user of its own for syncd in ERPNext and use that user's API key",
            warning=True,
        )
    ]


def _about_external_id(spec: MappingSpec, schema: Schema) -> list[Problem]:
    name = spec.external_id
    if name is None:
        return []
    info = schema.fields.get(name)
    if info is None:
        found = f"{spec.doctype} has no field {name}"
        return [_external(spec, found, "run syncd provision --apply: it makes the field", warning=False)]
    if not spec.direction.reaches(Side.ERPNEXT):
        return []
    if info.type.name != "Data":
        return [_external(spec, f"{name} is a {info.type.name}, not a Data field", "use another name", warning=False)]
    if schema.submittable and not info.allow_on_submit:
        return [_external(spec, f"{name} may not be written after submit", "set Allow on Submit for it", warning=True)]
    if schema.submittable and info.unique:
        return [_external(spec, f"{name} is unique: nobody can amend then", "take Unique away from it", warning=True)]
    if not schema.submittable and not info.unique:
        return [
            _external(spec, f"{name} is not unique", "set Unique for it: the site then refuses twins", warning=True)
        ]
    return []


def _external(spec: MappingSpec, message: str, hint: str, *, warning: bool) -> Problem:
    return Problem(file=spec.file, key="erpnext.external_id", message=message, hint=hint, warning=warning)


def _about_tables(client: SiteClient, spec: MappingSpec, schema: Schema) -> list[Problem]:
    """Child tables that are not there, and those without which no document can be made."""
    known = table_fields(client, spec.doctype)
    named = {table.erpnext for table in spec.tables}
    problems = [
        Problem(
            file=spec.file,
            key=f"tables.{table.erpnext}",
            message=no_table(table, schema),
            hint=close(table.erpnext, known),
        )
        for table in spec.tables
        if table.erpnext not in known
    ]
    creates = spec.direction.reaches(Side.ERPNEXT) and spec.create.allows(Side.ERPNEXT) and spec.create_method is None
    problems += [
        Problem(
            file=spec.file,
            key="tables",
            message=f"{spec.doctype} needs rows in {name}, which nothing gives: none can be made",
            hint=f"map them under [tables.{name}]",
            warning=True,
        )
        for name, described in known.items()
        if creates and name not in named and str(described.get("reqd") or "0") != "0"
    ]
    return problems


def _about_rights(client: SiteClient, spec: MappingSpec, schema: Schema, user: str) -> list[Problem]:
    """Whether the user may read the DocType and the mapped fields, and do what the mapping does there.

    A right is asked for on an existing document, as the site wants it; in an empty one only reading is tried.
    """
    external_id = spec.external_id if spec.external_id in schema.fields else None
    mapped = tuple(name for name in layout(spec)[0] if name in schema.fields)
    shape = RowShape(schema, mapped, external_id, place=f"{client.base_url} {spec.doctype}", user=client.user)
    query = ListQuery(
        doctype=spec.doctype, fields=shape.fields, filters=[], or_filters=[], order_by="modified desc", limit=1
    )
    try:
        documents = client.read_list(query)
        rows = shape.rows(documents)
    except AccessError as error:
        return [Problem(file=spec.file, key="mapping.doctype", message=error.message, hint=error.hint)]
    if not rows:
        return []
    problems = _about_rows(client, spec, schema, documents)
    missing = [right for right in _rights(spec) if not _may(client, spec.doctype, rows[0].key, right)]
    return [
        *problems,
        *_missing_rights(client, spec, user, missing),
    ]


def _missing_rights(client: SiteClient, spec: MappingSpec, user: str, missing: list[str]) -> list[Problem]:
    return [
        Problem(
            file=spec.file,
            key="mapping.doctype",
            message=f"{user} may not {right} {spec.doctype} on {client.base_url}",
            hint=f"give a role of that user “{right.capitalize()}” in ERPNext's Role Permissions Manager",
        )
        for right in missing
    ]


def _about_rows(
    client: SiteClient, spec: MappingSpec, schema: Schema, documents: list[dict[str, Any]]
) -> list[Problem]:
    """Tables whose rows, or some fields of them, the user may not read."""
    problems = []
    for table in spec.tables:
        child = schema.tables.get(table.erpnext)
        if child is None:
            continue
        mapped = [name for name in table_layout(table)[0] if name in child.fields]
        shape = TableShape(table.erpnext, child, mapped, {}, place=f"{client.base_url} {spec.doctype}")
        try:
            ChildReader(client, spec.doctype, [shape], where=spec.file).fill(documents)
        except AccessError as error:
            key = f"tables.{table.erpnext}"
            problems.append(Problem(file=spec.file, key=key, message=error.message, hint=error.hint))
    return problems


def _rights(spec: MappingSpec) -> list[str]:
    if not spec.direction.reaches(Side.ERPNEXT):
        return []
    rights = ["write"]
    if spec.create.allows(Side.ERPNEXT):
        rights.append("create")
    if spec.source_deleted is SourceDeleted.DELETE:
        rights.append("delete")
    return rights


def _may(client: SiteClient, doctype: str, name: str, right: str) -> bool:
    """Whether the site says so; a site that cannot be asked counts as yes, since the write itself will tell."""
    arguments = {"doctype": doctype, "docname": name, "perm_type": right}
    try:
        answer = client.ask("frappe.client.has_permission", arguments, f"the right to {right} {doctype}")
    except (AccessError, GoneError, ReadRefusedError):
        return True
    return not isinstance(answer, dict) or bool(answer.get("has_permission"))
