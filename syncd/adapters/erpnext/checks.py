"""Findings about the ERPNext side of one mapping, for `syncd check`; reads only."""

from __future__ import annotations

from syncd.adapters.erpnext.calls import ListQuery
from syncd.adapters.erpnext.client import SiteClient
from syncd.adapters.erpnext.errors import ReadRefusedError
from syncd.adapters.erpnext.meta import load_schema
from syncd.adapters.erpnext.operations import DOCTYPE, has_operations
from syncd.adapters.erpnext.wire import RowShape
from syncd.core.mapping import MappingSpec, SourceDeleted, layout
from syncd.core.model import Side
from syncd.errors import AccessError, GoneError, Problem
from syncd.ports.endpoint import Schema

_SHARED = frozenset({"Administrator", "Guest"})


def check_site(client: SiteClient, spec: MappingSpec) -> list[Problem]:
    """Rights, the external-id field, exactly-once creation and the user, as the site tells them.

    Raises `UnreachableError`, `AccessError` (credentials) and `HaltError` (no such DocType). Whether the mapped fields
    exist and fit is for the caller, who has the schema; here they are only read.
    """
    schema = load_schema(client, spec.doctype)
    user = client.user()
    problems = [*_about_user(spec, user), *_about_external_id(spec, schema)]
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
        rows = shape.rows(client.read_list(query))
    except AccessError as error:
        return [Problem(file=spec.file, key="mapping.doctype", message=error.message, hint=error.hint)]
    if not rows:
        return []
    missing = [right for right in _rights(spec) if not _may(client, spec.doctype, rows[0].key, right)]
    return [
        Problem(
            file=spec.file,
            key="mapping.doctype",
            message=f"{user} may not {right} {spec.doctype} on {client.base_url}",
            hint=f"give a role of that user “{right.capitalize()}” in ERPNext's Role Permissions Manager",
        )
        for right in missing
    ]


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
