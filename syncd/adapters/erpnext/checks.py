"""Findings about the ERPNext side of one mapping, for `syncd check`; reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from syncd.adapters.erpnext.calls import ListQuery
from syncd.adapters.erpnext.checks_links import check_links
from syncd.adapters.erpnext.child_reader import ChildReader
from syncd.adapters.erpnext.client import SiteClient
from syncd.adapters.erpnext.described import flag, number
from syncd.adapters.erpnext.errors import ReadRefusedError
from syncd.adapters.erpnext.external_field import flaws, found_field, is_custom, is_data
from syncd.adapters.erpnext.fitting import close, halt_unless_listed, no_table
from syncd.adapters.erpnext.meta import NO_COLUMN, described_doctype, load_schema, table_fields
from syncd.adapters.erpnext.operations import DOCTYPE, has_operations
from syncd.adapters.erpnext.rights import Need, Right, has_level, may, may_link, naming, needs_of, roles_with
from syncd.adapters.erpnext.wire import RowShape, TableShape
from syncd.core.mapping import ChangedAfterSubmit, MappingSpec, Reopened, layout, table_layout
from syncd.core.model import Side
from syncd.errors import AccessError, HaltError, Problem
from syncd.ports.endpoint import Schema

_SHARED = frozenset({"Administrator", "Guest"})


def check_site(
    client: SiteClient, spec: MappingSpec, targets: Mapping[str, MappingSpec] | None = None
) -> list[Problem]:
    """Rights, the external-id field, tables, links, exactly-once creation and the user, as the site tells them.

    `targets` are the mappings that links lead to, by name. Raises `UnreachableError`, `AccessError` (credentials) and
    `HaltError` (no such DocType). Whether the mapped fields exist and fit is for the caller, who has the schema; here
    they are only read.
    """
    if spec.group:  # the rows of its table are documents of the DocType itself
        rows = tuple(entry for table in spec.tables for entry in table.fields)
        spec = replace(spec, fields=(*spec.fields, *rows), tables=())
    halt_unless_listed(client, spec.doctype)
    schema = load_schema(client, spec.doctype, [table.erpnext for table in spec.tables])
    user = client.user()
    if spec.group:  # only read, and its table is made of the documents themselves
        return [*_about_user(spec, user), *_about_reading(client, replace(spec, tables=()), schema)]
    return [
        *_about_user(spec, user),
        *_about_external_id(client, spec, schema),
        *_about_tables(client, spec, schema),
        *check_links(client, spec, targets or {}),
        *_about_operations(client, spec, user),
        *_about_reading(client, spec, schema),
        *_about_amending(client, spec, user),
        *_about_rights(client, spec, user),
    ]


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


def _about_operations(client: SiteClient, spec: MappingSpec, user: str) -> list[Problem]:
    if not (spec.direction.reaches(Side.ERPNEXT) and spec.create.allows(Side.ERPNEXT)):
        return []
    if not has_operations(client):
        return [_without_operations(client, spec, user)]
    if may(client, DOCTYPE, Right.CREATE):
        return []
    return [
        Problem(
            file=spec.file,
            key="mapping.site",
            message=f"{user} may not create {DOCTYPE} on {client.base_url}: nothing can be created there",
            hint=f"run syncd provision --apply --user {user} as a System Manager, or give a role of that user “Create”",
        )
    ]


def _without_operations(client: SiteClient, spec: MappingSpec, user: str) -> Problem:
    """Creations are not exactly-once: the DocType is not there, or the user may not read it."""
    lost = "a creation whose answer is lost is only looked for, and waits 150 s"
    try:
        described_doctype(client, DOCTYPE)
    except HaltError:
        message = f"{client.base_url} has no DocType {DOCTYPE} that {user} may read: {lost}"
        hint = "run syncd provision --apply, which makes creations exactly-once"
    else:
        message = f"{user} may not read the DocType {DOCTYPE} on {client.base_url}: {lost}"
        hint = f"let a System Manager run syncd provision --apply --user {user}, which gives the rights"
    return Problem(file=spec.file, key="mapping.site", message=message, hint=hint, warning=True)


def _about_external_id(client: SiteClient, spec: MappingSpec, schema: Schema) -> list[Problem]:
    name = spec.external_id
    if name is None:
        return []
    described = described_doctype(client, spec.doctype)
    field = found_field(described, name)
    if field is None:
        found = f"{spec.doctype} has no field {name}"
        return [_external(spec, found, "run syncd provision --apply: it makes the field", warning=False)]
    if not spec.direction.reaches(Side.ERPNEXT):
        return []
    if not is_data(field):
        message = f"{name} is a {schema.fields[name].type.name if name in schema.fields else field.get('fieldtype')}"
        return [_external(spec, f"{message}, not a Data field", "use another name", warning=False)]
    hint = "run syncd provision --apply: it corrects the field"
    if not is_custom(field):
        hint = f"use a field of its own: external_id = {spec_name(spec)}"
    return [_external(spec, flaw.message, hint, warning=True) for flaw in flaws(described, field)]


def spec_name(spec: MappingSpec) -> str:
    """The name, in TOML, that an external-id field is given where nothing speaks against it."""
    return f'"syncd_{spec.source}_id"'


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
    problems += [
        Problem(
            file=spec.file,
            key=f"fields.{entry.erpnext}",
            message=f"{entry.erpnext} is a child table of {spec.doctype}, not a field",
            hint=f"map its rows under [tables.{entry.erpnext}]",
        )
        for entry in spec.fields
        if entry.erpnext in known
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
        if creates and name not in named and flag(described, "reqd")
    ]
    return problems


def _about_reading(client: SiteClient, spec: MappingSpec, schema: Schema) -> list[Problem]:
    """Whether the user may read the DocType, its mapped fields and the rows of its tables."""
    external_id = spec.external_id if spec.external_id in schema.fields else None
    mapped = tuple(name for name in layout(spec)[0] if name in schema.fields)
    shape = RowShape(schema, mapped, external_id, place=f"{client.base_url} {spec.doctype}", user=client.user)
    query = ListQuery(
        doctype=spec.doctype, fields=shape.fields, filters=[], or_filters=[], order_by="modified desc", limit=1
    )
    try:
        documents = client.read_list(query)
        shape.rows(documents)
    except AccessError as error:
        return [Problem(file=spec.file, key="mapping.doctype", message=error.message, hint=error.hint)]
    return _about_rows(client, spec, schema, documents)


def _about_amending(client: SiteClient, spec: MappingSpec, user: str) -> list[Problem]:
    """Fields that an amendment would lose: it is a copy of what the user may read of the cancelled document."""
    lifecycle = spec.lifecycle
    amends = lifecycle and (
        lifecycle.changed_after_submit is ChangedAfterSubmit.AMEND or lifecycle.reopened is Reopened.AMEND
    )
    if not amends:
        return []
    above = _unmapped_above(client, spec)
    query = ListQuery(
        doctype=spec.doctype, fields=("name", *above), filters=[], or_filters=[], order_by="modified desc", limit=1
    )
    try:
        documents = client.read_list(query) if above else []
    except (AccessError, ReadRefusedError):
        return []  # told where reading is checked
    lost = [
        name
        for name, level in above.items()
        if any(name not in document for document in documents)
        or has_level(client, Need(doctype=spec.doctype, right=Right.WRITE, level=level)) is False
    ]
    if not lost:
        return []
    return [
        Problem(
            file=spec.file,
            key="lifecycle.changed_after_submit",
            message=f"{user} may not read and write {', '.join(lost)} of {spec.doctype}: an amendment is made without "
            "what stands there",
            hint="give a role of that user “Read” and “Write” at their permission level in ERPNext's Role Permissions "
            "Manager",
            warning=True,
        )
    ]


def _unmapped_above(client: SiteClient, spec: MappingSpec) -> dict[str, int]:
    """Fields with a column that the mapping does not name, and that are above permission level 0, with their level."""
    mapped = set(layout(spec)[0])
    return {
        str(field["fieldname"]): level
        for field in described_doctype(client, spec.doctype).get("fields") or ()
        if (level := number(field, "permlevel"))
        and field.get("fieldtype") not in NO_COLUMN
        and field["fieldname"] not in mapped
        and not flag(field, "is_virtual")
    }


def _about_rows(
    client: SiteClient, spec: MappingSpec, schema: Schema, documents: list[dict[str, Any]]
) -> list[Problem]:
    """Tables whose rows, or some fields of them, the user may not read."""
    problems = []
    for table in spec.tables if documents else ():
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


def _about_rights(client: SiteClient, spec: MappingSpec, user: str) -> list[Problem]:
    """The rights that the user lacks, each with the roles that would give it."""
    problems = []
    links: dict[str, Problem] = {}
    for need in needs_of(spec, client):
        if need.right is Right.SELECT:
            if need.doctype not in links and not may_link(client, need.doctype):
                links[need.doctype] = _may_not_link(client, spec, user, need)
        elif need.level:
            problems += _at_level(client, spec, user, need)
        elif need.right is not Right.READ and not may(client, need.doctype, need.right):
            problems.append(_may_not(client, spec, user, need))
    return [*problems, *links.values()]


def _may_not(client: SiteClient, spec: MappingSpec, user: str, need: Need) -> Problem:
    named = naming(roles_with(client, need.doctype, need.right))
    return Problem(
        file=spec.file,
        key=need.key,
        message=f"{user} may not {need.right.value} {need.doctype} on {client.base_url}",
        hint=f"give a role of that user “{need.right.label}” in ERPNext's Role Permissions Manager{named}",
    )


def _may_not_link(client: SiteClient, spec: MappingSpec, user: str, need: Need) -> Problem:
    return Problem(
        file=spec.file,
        key=need.key,
        message=f"{user} may neither select nor read {need.doctype} on {client.base_url}, which "
        f"{need.key.rpartition('.')[2]} links to: whether a name is there cannot be looked up",
        hint=f"give a role of that user “Select” on {need.doctype} in ERPNext's Role Permissions Manager"
        f"{naming(roles_with(client, need.doctype, Right.READ))}",
        warning=True,
    )


def _at_level(client: SiteClient, spec: MappingSpec, user: str, need: Need) -> list[Problem]:
    """A field above level 0: what the user may not read is left out of answers, what it may not write is dropped."""
    held = has_level(client, need)
    if held or need.right is Right.READ:  # reading was tried, where there is a document
        return []
    name = need.key.rpartition(".")[2]
    level = f"permission level {need.level}"
    named = naming(roles_with(client, need.doctype, need.right, need.level))
    if held is None:
        message = f"{name} is at {level}: what {user} may not write there the site drops without a word"
    else:
        message = f"{name} is at {level}, which {user} may not write: the site drops what is sent without a word"
    return [
        Problem(
            file=spec.file,
            key=need.key,
            message=message,
            hint=f"give a role of that user “Write” at {level} in ERPNext's Role Permissions Manager{named}",
            warning=held is None,
        )
    ]
