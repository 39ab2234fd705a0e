"""What the site needs before a mapping can run exactly-once: seen, made, corrected, and taken away again.

An external id needs a custom field (`external_field`), creation the DocType `Syncd Operation` (`operations`). Rights of
DocTypes are shown and never made: the first permission that a program adds to a DocType takes the place of all that it
came with, so nobody else could work with it any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Final

from syncd.adapters.erpnext import operations
from syncd.adapters.erpnext.calls import document_path
from syncd.adapters.erpnext.client import SiteClient
from syncd.adapters.erpnext.errors import ReadRefusedError
from syncd.adapters.erpnext.external_field import (
    external_id_field,
    flaws,
    found_field,
    is_custom,
    is_data,
    is_syncds,
)
from syncd.adapters.erpnext.link_field import OwnLink, link_field, own_links
from syncd.adapters.erpnext.meta import described_doctype, forget_doctype
from syncd.adapters.erpnext.rights import EVERYBODY, Right, forget_right, may, roles_of, roles_with
from syncd.core.mapping import MappingSpec
from syncd.core.model import Side
from syncd.errors import AccessError, GoneError, HaltError, RecordError, RefusedError

_ADMINISTRATOR: Final = "System Manager"
_KEY_RIGHTS: Final = (Right.READ, Right.WRITE, Right.CREATE, Right.DELETE)
_KEY_FIELDS: Final = (
    {"fieldname": "mapping", "label": "Mapping", "fieldtype": "Data", "in_list_view": 1},
    {"fieldname": "run", "label": "Run", "fieldtype": "Data", "in_list_view": 1},
    {"fieldname": "records", "label": "Records", "fieldtype": "Long Text"},
)


class StepState(Enum):
    """Where one need of the site stands."""

    PRESENT = "present"
    MISSING = "missing"
    WRONG = "wrong"
    """It is there, and not as it must be: `changes` corrects it."""
    UNFIT = "unfit"
    """What is there cannot be made to serve: only the mapping can name another."""
    MADE = "made"
    CORRECTED = "corrected"
    REMOVED = "removed"
    KEPT = "kept"
    """Not taken away: syncd did not make it."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteStep:
    """One thing the site needs. `document` is what is inserted into the DocType `kind` under the name `name`."""

    kind: str
    name: str
    what: str
    why: str
    state: StepState
    doctype: str
    """The DocType whose metadata changes."""
    document: dict[str, Any] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)
    """What corrects it where it is WRONG."""
    error: str = ""


def plan_provision(client: SiteClient, specs: Iterable[MappingSpec], *, user: str | None = None) -> list[SiteStep]:
    """What the mappings of one site need, with what is there already; reads only.

    `user` is the integration user, whose roles get rights to `Syncd Operation`; None: the client's own. Mappings that
    write nothing into ERPNext need nothing. Raises as the reads of `SiteClient`.
    """
    known = list(specs)
    writing = [spec for spec in known if spec.direction.reaches(Side.ERPNEXT)]
    wanted = {(spec.doctype, spec.external_id): spec for spec in writing if spec.external_id}
    steps = [_field_step(client, doctype, str(name), spec) for (doctype, name), spec in wanted.items()]
    steps += [_link_step(client, link) for link in own_links(known)]
    creating = [spec for spec in writing if spec.create.allows(Side.ERPNEXT)]
    if creating:
        steps.append(_operation_step(client, user))
    return steps


def apply_provision(client: SiteClient, steps: Sequence[SiteStep]) -> list[SiteStep]:
    """Make what is missing and correct what is wrong; what is there is left alone.

    A refusal is told in its step and does not stop the others.
    """
    work: dict[StepState, Callable[[SiteClient, SiteStep], SiteStep]] = {
        StepState.MISSING: _make,
        StepState.WRONG: _correct,
    }
    return [work[step.state](client, step) if step.state in work else step for step in steps]


def plan_removal(client: SiteClient, steps: Sequence[SiteStep]) -> list[SiteStep]:
    """The steps of `plan_provision` as a removal sees them: PRESENT is what would go, KEPT what syncd did not make.

    `error` of a PRESENT step says what stands in it. Reads only.
    """
    return [_removable(client, step) for step in steps]


def remove_provision(client: SiteClient, steps: Sequence[SiteStep]) -> list[SiteStep]:
    """Take away what syncd made. A custom field's column stays in the site's database with the ids that it holds."""
    return [_remove(client, step) if step.state is StepState.PRESENT else step for step in plan_removal(client, steps)]


def operation_doctype(roles: Sequence[str]) -> dict[str, Any]:
    """The DocType `Syncd Operation`, with rights for `roles`."""
    return {
        "name": operations.DOCTYPE,
        "module": "Custom",
        "custom": 1,
        "autoname": "prompt",
        "naming_rule": "Set by user",
        "track_changes": 0,
        "fields": [dict(described) for described in _KEY_FIELDS],
        "permissions": [_permission(role) for role in roles],
    }


def _permission(role: str) -> dict[str, Any]:
    return {"role": role, **{right.value: 1 for right in _KEY_RIGHTS}}


def _field_step(client: SiteClient, doctype: str, name: str, spec: MappingSpec) -> SiteStep:
    described = described_doctype(client, doctype)
    document = external_id_field(described, name, f"{spec.source} {spec.entity}")
    kind = "unique" if document["unique"] else "may be written after submit"
    step = SiteStep(
        kind="Custom Field",
        name=f"{doctype}-{name}",
        what=f"custom field {name} in {doctype} (Data, {kind})",
        why=f"holds the id of {spec.source} {spec.entity}",
        state=StepState.MISSING,
        doctype=doctype,
        document=document,
    )
    there = found_field(described, name)
    if there is None:
        return step
    if not is_data(there):
        error = f"{name} is a {there.get('fieldtype')} field, which holds no ids → name another external_id"
        return replace(step, state=StepState.UNFIT, error=f"{error} in {spec.file}")
    wrong = flaws(described, there)
    if not wrong:
        return replace(step, state=StepState.PRESENT)
    told = "; ".join(flaw.message for flaw in wrong)
    if not is_custom(there):
        error = f"{told}; it is a field of the DocType itself, which is not changed → name another external_id"
        return replace(step, state=StepState.UNFIT, error=f"{error} in {spec.file}")
    return replace(step, state=StepState.WRONG, changes={flaw.property: flaw.wanted for flaw in wrong}, error=told)


def _link_step(client: SiteClient, link: OwnLink) -> SiteStep:
    doctype = link.spec.doctype
    described = described_doctype(client, doctype)
    there = found_field(described, link.name)
    step = SiteStep(
        kind="Custom Field",
        name=f"{doctype}-{link.name}",
        what=f"custom field {link.name} in {doctype} (Link, {link.target})",
        why=f"holds the {link.target} that {link.column} of {link.spec.source} {link.spec.entity} names",
        state=StepState.MISSING,
        doctype=doctype,
        document=link_field(described, link),
    )
    if there is None:
        return step
    if (there.get("fieldtype"), there.get("options")) == ("Link", link.target):
        return replace(step, state=StepState.PRESENT)
    error = f"{link.name} is there, but no Link to {link.target} → give it another name in {link.spec.file}"
    return replace(step, state=StepState.UNFIT, error=error)


def _operation_step(client: SiteClient, user: str | None) -> SiteStep:
    step = SiteStep(
        kind="DocType",
        name=operations.DOCTYPE,
        what=f"DocType {operations.DOCTYPE}",
        why="makes creations exactly-once: each batch begins with a record of its own name",
        state=StepState.MISSING,
        doctype=operations.DOCTYPE,
    )
    forget_doctype(client, operations.DOCTYPE)
    try:
        described_doctype(client, operations.DOCTYPE)
    except HaltError:
        return replace(step, document=operation_doctype(_key_roles(client, user)))
    short = _without_rights(client, user)
    if not short:
        return replace(step, state=StepState.PRESENT)
    try:
        whole = client.get(
            document_path("DocType", operations.DOCTYPE), {}, f"DocType {operations.DOCTYPE}", ("data", dict)
        )["data"]
    except (AccessError, GoneError, ReadRefusedError) as error:
        message = f"{user or client.user()} has no rights to it, and {client.user()} may not change it: {error.message}"
        return replace(step, state=StepState.REFUSED, error=f"{message} → {_by_manager(client)}")
    kept = [row for row in whole.get("permissions") or () if row.get("role") not in short]
    return replace(
        step,
        state=StepState.WRONG,
        changes={"permissions": [*kept, *(_permission(role) for role in short)]},
        error=f"{user or client.user()} may not read and create its records: rights for {', '.join(short)}",
    )


def _without_rights(client: SiteClient, user: str | None) -> list[str]:
    """The roles that must get rights to the keys; none where the integration user has them."""
    if user is None or user == client.user():
        operations.forget_operations(client)
        for right in _KEY_RIGHTS:
            forget_right(client, operations.DOCTYPE, right)
        able = operations.has_operations(client) and may(client, operations.DOCTYPE, Right.CREATE)
        return [] if able else _key_roles(client, None)[1:] or [_ADMINISTRATOR]
    roles = roles_of(client, user)
    able_roles = set(roles_with(client, operations.DOCTYPE, Right.READ)) & set(
        roles_with(client, operations.DOCTYPE, Right.CREATE)
    )
    return [] if roles is None or (roles | EVERYBODY) & able_roles else _key_roles(client, user)[1:]


def _key_roles(client: SiteClient, user: str | None) -> list[str]:
    """Who may write keys: System Manager, and the roles of the integration user where it is none and may be read."""
    roles = roles_of(client, user or client.user())
    if roles is None or _ADMINISTRATOR in roles:
        return [_ADMINISTRATOR]
    return [_ADMINISTRATOR, *sorted(roles - EVERYBODY)]


def _make(client: SiteClient, step: SiteStep) -> SiteStep:
    try:
        client.write("POST", document_path(step.kind), step.document, step.what, expects=("data", dict))
    except RefusedError as error:
        if error.code == "DuplicateEntryError":
            _forget(client, step)
            return replace(step, state=StepState.PRESENT)
        return _refused(client, step, error, "made")
    except RecordError as error:
        return _refused(client, step, error, "made")
    _forget(client, step)
    return replace(step, state=StepState.MADE)


def _correct(client: SiteClient, step: SiteStep) -> SiteStep:
    try:
        client.write("PUT", document_path(step.kind, step.name), step.changes, step.what, expects=("data", dict))
    except RecordError as error:
        return _refused(client, step, error, "corrected")
    _forget(client, step)
    return replace(step, state=StepState.CORRECTED, error="")


def _removable(client: SiteClient, step: SiteStep) -> SiteStep:
    if step.state is StepState.MISSING:
        return step
    if step.kind != "Custom Field":
        return replace(step, state=StepState.PRESENT, error="its keys go with it: let no run be under way")
    fieldname = str(step.document["fieldname"])
    if not is_syncds(fieldname, _description(client, step)):
        return replace(step, state=StepState.KEPT, error="syncd did not make this field, and does not take it away")
    held = _held(client, step.doctype, fieldname)
    told = f"{held:,} documents hold an id: their column stays in the site's database" if held else ""
    return replace(step, state=StepState.PRESENT, error=told)


def _description(client: SiteClient, step: SiteStep) -> str:
    """What a custom field says of itself; nothing where it is none, or may not be read."""
    try:
        found = client.get(document_path(step.kind, step.name), {}, step.what, ("data", dict))["data"]
    except (AccessError, GoneError, ReadRefusedError):
        return ""
    return str(found.get("description") or "")


def _held(client: SiteClient, doctype: str, name: str) -> int:
    """How many documents hold a value; 0 where they may not be counted."""
    arguments = {"doctype": doctype, "filters": [[name, "is", "set"]]}
    try:
        counted = client.ask("frappe.client.get_count", arguments, f"how many {doctype} hold {name}")
    except (AccessError, GoneError, ReadRefusedError):
        return 0
    return int(counted or 0)


def _remove(client: SiteClient, step: SiteStep) -> SiteStep:
    try:
        client.write("DELETE", document_path(step.kind, step.name), None, step.what)
    except GoneError as error:
        return replace(step, state=StepState.REFUSED, error=f"{error.message} (it is not a custom one)")
    except RecordError as error:
        return _refused(client, step, error, "removed")
    _forget(client, step)
    return replace(step, state=StepState.REMOVED)


def _forget(client: SiteClient, step: SiteStep) -> None:
    forget_doctype(client, step.doctype)
    operations.forget_operations(client)
    for right in Right:
        forget_right(client, step.doctype, right)


def _by_manager(client: SiteClient) -> str:
    return (
        f"let a System Manager run `syncd provision --apply --user {client.user()}` with a key of their own, or do it "
        "by hand in ERPNext"
    )


def _refused(client: SiteClient, step: SiteStep, error: RecordError, done: str) -> SiteStep:
    words = f"{error.message} → {error.hint}" if error.hint else error.message
    if error.code == "PermissionError":
        words = (
            f"{client.user()} may not do this: {error.message} → let a System Manager run the same command with "
            f"a key of their own and --user {client.user()}, or have it {done} by hand in ERPNext: {step.what}"
        )
    elif error.code == "UniqueValidationError" or "unique" in step.changes:
        words = f"{error.message} → find the documents that hold the same id, and correct them"
    return replace(step, state=StepState.REFUSED, error=words)
