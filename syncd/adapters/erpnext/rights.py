"""Which rights a mapping needs on a site, and which of them a user has.

A right is asked for by `frappe.client.has_permission` without a document, which answers by the roles alone, also where
the DocType holds nothing yet. Which roles give it is told by the DocType's permissions, which are part of its metadata.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from syncd.adapters.erpnext.calls import document_path
from syncd.adapters.erpnext.client import SiteClient
from syncd.adapters.erpnext.described import flag, number
from syncd.adapters.erpnext.errors import ReadRefusedError
from syncd.adapters.erpnext.meta import described_doctype
from syncd.core.mapping import ChangedAfterSubmit, DraftVoided, FieldSpec, LeftScope, MappingSpec, Reopened
from syncd.core.mapping import SourceDeleted as Deleted
from syncd.core.model import Side
from syncd.errors import AccessError, GoneError, HaltError


class Right(Enum):
    """A right of a role, by the site's own word; in the order in which people read them."""

    SELECT = "select"
    READ = "read"
    WRITE = "write"
    CREATE = "create"
    SUBMIT = "submit"
    CANCEL = "cancel"
    AMEND = "amend"
    DELETE = "delete"

    @property
    def label(self) -> str:
        """What the Role Permissions Manager calls it."""
        return self.value.capitalize()


_ORDER: Final = {right: at for at, right in enumerate(Right)}
_OF_STATES: Final = frozenset({Right.SUBMIT, Right.CANCEL, Right.AMEND})
"""Rights that there are only where documents can be submitted."""
EVERYBODY: Final = frozenset({"All", "Guest", "Desk User", "Administrator"})
"""Roles that nobody is given: the site adds them by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One right that a mapping needs. `key` is what of the mapping needs it."""

    doctype: str
    right: Right
    level: int = 0
    key: str = "mapping.doctype"


def needs_of(spec: MappingSpec, client: SiteClient) -> list[Need]:
    """The rights that a mapping needs, each once. Raises as `described_doctype`.

    Of a DocType that a Link field leads to: to select it. Rows of child tables need no right of their own.
    """
    described = described_doctype(client, spec.doctype)
    wanted = _actions(spec) - (set() if flag(described, "is_submittable") else _OF_STATES)
    needs = [Need(doctype=spec.doctype, right=right) for right in sorted(wanted, key=_ORDER.__getitem__)]
    for key, entry, field in mapped_fields(client, spec, described):
        level = number(field, "permlevel")
        flows = _to_erpnext(spec, entry)
        if level:
            needs.append(Need(doctype=spec.doctype, right=Right.READ, level=level, key=key))
        if level and flows:
            needs.append(Need(doctype=spec.doctype, right=Right.WRITE, level=level, key=key))
        if flows and field.get("fieldtype") == "Link" and field.get("options"):
            needs.append(Need(doctype=str(field["options"]), right=Right.SELECT, key=key))
    tables = _by_name(described)
    for table in spec.tables:
        level = number(tables.get(table.erpnext, {}), "permlevel")
        if level and spec.direction.reaches(Side.ERPNEXT):
            needs.append(Need(doctype=spec.doctype, right=Right.WRITE, level=level, key=f"tables.{table.erpnext}"))
    return needs


def mapped_fields(
    client: SiteClient, spec: MappingSpec, described: Mapping[str, Any]
) -> Iterator[tuple[str, FieldSpec, dict[str, Any]]]:
    """(key, line, the field as the site describes it) of every line whose field is there; rows of tables too."""
    by_name = _by_name(described)
    for entry in spec.fields:
        if entry.erpnext in by_name:
            yield f"fields.{entry.erpnext}", entry, by_name[entry.erpnext]
    for table in spec.tables:
        child = by_name.get(table.erpnext, {})
        if not child.get("options"):
            continue
        rows = _by_name(described_doctype(client, str(child["options"])))
        for entry in table.fields:
            if entry.erpnext in rows:
                yield f"tables.{table.erpnext}.fields.{entry.erpnext}", entry, rows[entry.erpnext]


def _by_name(described: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {str(field.get("fieldname")): field for field in described.get("fields") or ()}


def _to_erpnext(spec: MappingSpec, entry: FieldSpec) -> bool:
    return spec.direction.reaches(Side.ERPNEXT) and entry.direction.reaches(Side.ERPNEXT)


def _actions(spec: MappingSpec) -> set[Right]:
    """What the mapping does with documents of its own DocType."""
    rights = {Right.READ}
    if not spec.direction.reaches(Side.ERPNEXT):
        return rights
    rights.add(Right.WRITE)
    if spec.create.allows(Side.ERPNEXT):
        rights.add(Right.CREATE)
    if spec.source_deleted is Deleted.DELETE or spec.left_scope is LeftScope.DELETE:
        rights.add(Right.DELETE)
    if spec.source_deleted is Deleted.CANCEL:
        rights.add(Right.CANCEL)
    return rights | _transitions(spec)


def _transitions(spec: MappingSpec) -> set[Right]:
    lifecycle = spec.lifecycle
    if lifecycle is None or lifecycle.field is None:
        return set()
    rights = {Right.SUBMIT}
    if lifecycle.cancelled:
        rights.add(Right.CANCEL)
        if lifecycle.draft_voided is DraftVoided.DELETE:
            rights.add(Right.DELETE)
    if lifecycle.changed_after_submit is ChangedAfterSubmit.AMEND or lifecycle.reopened is Reopened.AMEND:
        rights |= {Right.CANCEL, Right.AMEND, Right.CREATE}
    return rights


def may(client: SiteClient, doctype: str, right: Right) -> bool:
    """Whether a role of the client's user gives the right; asked once in the life of the client.

    A site that cannot be asked counts as yes, since the action itself will tell.
    """

    def ask() -> bool:
        arguments = {"doctype": doctype, "docname": "", "perm_type": right.value}
        try:
            answer = client.ask("frappe.client.has_permission", arguments, f"the right to {right.value} {doctype}")
        except (AccessError, GoneError, ReadRefusedError):
            return True
        return not isinstance(answer, dict) or bool(answer.get("has_permission"))

    return client.kept(_kept_as(doctype, right), ask)


def forget_right(client: SiteClient, doctype: str, right: Right) -> None:
    """Ask for the right anew next time: a person may have given it."""
    client.forget(_kept_as(doctype, right))


def _kept_as(doctype: str, right: Right) -> str:
    return f"may:{right.value}:{doctype}"


def may_link(client: SiteClient, doctype: str) -> bool:
    """Whether the user may name documents of `doctype` in a Link field: to select them, or to read them."""
    return may(client, doctype, Right.SELECT) or may(client, doctype, Right.READ)


def roles_with(client: SiteClient, doctype: str, right: Right, level: int = 0) -> tuple[str, ...]:
    """The roles that give a right at a level, as far as the user may know; none where the site does not tell."""
    try:
        described = described_doctype(client, doctype)
    except (AccessError, HaltError):
        return ()
    rows = described.get("permissions") or ()
    found = [str(row.get("role")) for row in rows if number(row, "permlevel") == level and flag(row, right.value)]
    return tuple(dict.fromkeys(found))


def owners_may(client: SiteClient, doctype: str, right: Right) -> bool:
    """Whether a role gives the right to those who made a document (“Only if Creator”); `may` then answers no."""
    try:
        described = described_doctype(client, doctype)
    except (AccessError, HaltError):
        return False
    return any(flag(row, "if_owner") and flag(row, right.value) for row in described.get("permissions") or ())


def roles_of(client: SiteClient, user: str) -> frozenset[str] | None:
    """The roles of a user; None where the client's own user may not read them.

    Everybody may read the User that they are themselves, with its roles left out: they are at permission level 1.
    """

    def ask() -> frozenset[str] | None:
        try:
            found = client.get(document_path("User", user), {}, f"the user {user}", ("data", dict))["data"]
        except (AccessError, GoneError, ReadRefusedError):
            return None
        named = frozenset(str(entry.get("role")) for entry in found.get("roles") or () if isinstance(entry, dict))
        return named or (None if user == client.user() else named)

    return client.kept(f"roles:{user}", ask)


def has_level(client: SiteClient, need: Need) -> bool | None:
    """Whether the client's user has a right at a permission level above 0; None where its roles may not be read."""
    roles = roles_of(client, client.user())
    if roles is None:
        return None
    return bool((roles | EVERYBODY) & set(roles_with(client, need.doctype, need.right, need.level)))


def naming(roles: Iterable[str]) -> str:
    """The end of a hint: the roles that would do."""
    named = [role for role in roles if role != "Administrator"]
    return f"; roles that have it: {', '.join(named[:6])}" if named else ""
