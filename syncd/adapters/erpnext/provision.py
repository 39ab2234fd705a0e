"""What the site needs before a mapping can run exactly-once: seen, made, and taken away again.

An external id needs a custom field. On DocTypes that cannot be submitted it is unique. On those that can it is not, and
it may be written after submit: an amendment carries its predecessor's id. `no_copy` keeps *Duplicate* from taking it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Final

from syncd.adapters.erpnext import operations
from syncd.adapters.erpnext.calls import document_path
from syncd.adapters.erpnext.client import SiteClient
from syncd.adapters.erpnext.meta import described_doctype, forget_doctype
from syncd.core.mapping import MappingSpec
from syncd.core.model import Side
from syncd.errors import AccessError, GoneError, RecordError, RefusedError

_EVERYBODY: Final = frozenset({"All", "Guest", "Desk User", "Administrator"})
_ADMINISTRATOR: Final = "System Manager"
OWN: Final = "syncd_"
"""How the names of fields begin that nobody but syncd makes."""
_KEY_FIELDS: Final = (
    {"fieldname": "mapping", "label": "Mapping", "fieldtype": "Data", "in_list_view": 1},
    {"fieldname": "run", "label": "Run", "fieldtype": "Data", "in_list_view": 1},
    {"fieldname": "records", "label": "Records", "fieldtype": "Long Text"},
)


class StepState(Enum):
    """Where one need of the site stands."""

    PRESENT = "present"
    MISSING = "missing"
    MADE = "made"
    REMOVED = "removed"
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
    error: str = ""


def plan_provision(client: SiteClient, specs: Iterable[MappingSpec]) -> list[SiteStep]:
    """What the mappings of one site need, with what is there already; reads only.

    Mappings that write nothing into ERPNext need nothing. Raises as the reads of `SiteClient`.
    """
    known = {spec.name: spec for spec in specs}
    writing = [spec for spec in known.values() if spec.direction.reaches(Side.ERPNEXT)]
    wanted = {(spec.doctype, spec.external_id): spec for spec in writing if spec.external_id}
    steps = [_field_step(client, doctype, str(name), spec) for (doctype, name), spec in wanted.items()]
    steps += _link_steps(client, writing, known)
    creating = [spec for spec in writing if spec.create.allows(Side.ERPNEXT)]
    if creating:
        steps.append(_operation_step(client))
    return steps


def apply_provision(client: SiteClient, steps: Sequence[SiteStep]) -> list[SiteStep]:
    """Make what is missing; what is there is left alone. A refusal is told in its step and does not stop the others."""
    return [_make(client, step) if step.state is StepState.MISSING else step for step in steps]


def remove_provision(client: SiteClient, steps: Sequence[SiteStep]) -> list[SiteStep]:
    """Take away what is present, custom fields with the ids that they hold."""
    return [_remove(client, step) if step.state is StepState.PRESENT else step for step in steps]


def external_id_field(described: dict[str, Any], name: str) -> dict[str, Any]:
    """The Custom Field document that holds the external id of a DocType, which is given by its metadata."""
    submittable = bool(described.get("is_submittable"))
    names = [entry.get("fieldname") for entry in described.get("fields") or () if entry.get("fieldname") != name]
    title = described.get("title_field")
    document = {
        "dt": described["name"],
        "fieldname": name,
        "label": " ".join("ID" if word == "id" else word.capitalize() for word in name.split("_") if word),
        "fieldtype": "Data",
        "unique": 0 if submittable else 1,
        "search_index": 1 if submittable else 0,
        "no_copy": 1,
        "read_only": 1,
        "allow_on_submit": 1 if submittable else 0,
    }
    after = title if title in names else next(iter(names), None)
    return {**document, "insert_after": after} if after else document


def operation_doctype(roles: Sequence[str]) -> dict[str, Any]:
    """The DocType `Syncd Operation`, with rights for `roles`."""
    rights = {"read": 1, "write": 1, "create": 1, "delete": 1}
    return {
        "name": operations.DOCTYPE,
        "module": "Custom",
        "custom": 1,
        "autoname": "prompt",
        "naming_rule": "Set by user",
        "track_changes": 0,
        "fields": [dict(described) for described in _KEY_FIELDS],
        "permissions": [{"role": role, **rights} for role in roles],
    }


def _field_step(client: SiteClient, doctype: str, name: str, spec: MappingSpec) -> SiteStep:
    described = described_doctype(client, doctype)
    there = any(entry.get("fieldname") == name for entry in described.get("fields") or ())
    document = external_id_field(described, name)
    kind = "unique" if document["unique"] else "may be written after submit"
    return SiteStep(
        kind="Custom Field",
        name=f"{doctype}-{name}",
        what=f"custom field {name} in {doctype} (Data, {kind})",
        why=f"holds the id of {spec.source} {spec.entity}",
        state=StepState.PRESENT if there else StepState.MISSING,
        doctype=doctype,
        document=document,
    )


def link_field(described: Mapping[str, Any], name: str, target: str) -> dict[str, Any]:
    """The Custom Field document of a Link field of syncd's own; `described` is the DocType's metadata."""
    return {
        "dt": described["name"],
        "fieldname": name,
        "label": " ".join(word.capitalize() for word in name.split("_") if word),
        "fieldtype": "Link",
        "options": target,
        "no_copy": 1,
        "read_only": 1,
        "allow_on_submit": 1 if described.get("is_submittable") else 0,
        "insert_after": "append",
    }


def _link_steps(client: SiteClient, writing: Iterable[MappingSpec], known: Mapping[str, MappingSpec]) -> list[SiteStep]:
    """Link fields whose names say that they are syncd's own: what a document of the source refers to has no field else.

    The invoice of a Payment Entry, say, which `[create]` needs.
    """
    steps: dict[tuple[str, str], SiteStep] = {}
    for spec in writing:
        for entry in spec.fields:
            target = known.get(entry.link or "")
            if target is None or not entry.erpnext.startswith(OWN) or (spec.doctype, entry.erpnext) in steps:
                continue
            described = described_doctype(client, spec.doctype)
            there = any(held.get("fieldname") == entry.erpnext for held in described.get("fields") or ())
            steps[spec.doctype, entry.erpnext] = SiteStep(
                kind="Custom Field",
                name=f"{spec.doctype}-{entry.erpnext}",
                what=f"custom field {entry.erpnext} in {spec.doctype} (Link, {target.doctype})",
                why=f"holds the {target.doctype} that {spec.source} {spec.entity} {entry.source} refers to",
                state=StepState.PRESENT if there else StepState.MISSING,
                doctype=spec.doctype,
                document=link_field(described, entry.erpnext, target.doctype),
            )
    return list(steps.values())


def _operation_step(client: SiteClient) -> SiteStep:
    there = operations.has_operations(client)
    return SiteStep(
        kind="DocType",
        name=operations.DOCTYPE,
        what=f"DocType {operations.DOCTYPE}",
        why="makes creations exactly-once: each batch begins with a record of its own name",
        state=StepState.PRESENT if there else StepState.MISSING,
        doctype=operations.DOCTYPE,
        document={} if there else operation_doctype(_roles(client)),
    )


def _roles(client: SiteClient) -> list[str]:
    """Who may write keys: System Manager, and the roles of the integration user where it is none and may be read."""
    try:
        user = client.get(document_path("User", client.user()), {}, "the integration user", ("data", dict))["data"]
    except (AccessError, GoneError):
        client.user()
        return [_ADMINISTRATOR]
    roles = [str(entry.get("role")) for entry in user.get("roles") or () if isinstance(entry, dict)]
    if _ADMINISTRATOR in roles:
        return [_ADMINISTRATOR]
    return [_ADMINISTRATOR, *(role for role in roles if role not in _EVERYBODY)]


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


def _refused(client: SiteClient, step: SiteStep, error: RecordError, done: str) -> SiteStep:
    words = f"{error.message}\n  → {error.hint}" if error.hint else error.message
    if error.code == "PermissionError":
        words = (
            f"{client.user()} may not do this: {error.message}\n  → let a System Manager run the same command with "
            f"a key of their own, or have it {done} by hand in ERPNext: {step.what}"
        )
    return replace(step, state=StepState.REFUSED, error=words)
