"""The metadata of a DocType, as a `Schema`.

Asked through `frappe.desk.form.load.getdoctype`, which every logged-in user may call in every version, and which has
custom fields and property setters merged in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from syncd.adapters.erpnext.client import SiteClient
from syncd.core.values import FieldType, Kind
from syncd.errors import GoneError, HaltError, UnreachableError
from syncd.ports.endpoint import FieldInfo, Schema

TABLES: Final = frozenset({"Table", "Table MultiSelect"})
"""Field types that hold child rows; `options` names the child DocType."""
NO_COLUMN: Final = TABLES | frozenset(
    {"Section Break", "Column Break", "Tab Break", "Fold", "Heading", "HTML", "Button", "Image"}
)
"""Field types without a column of their own in the DocType's table."""
_SHORT: Final = frozenset(
    {"Data", "Link", "Dynamic Link", "Select", "Read Only", "Color", "Icon", "Phone", "Autocomplete"}
)
"""Text types that are varchar columns: 140 characters unless the field gives a length."""
_SHORT_LENGTH: Final = 140
_KINDS: Final = {
    "Check": Kind.BOOL,
    "Int": Kind.INT,
    "Long Int": Kind.INT,
    "Float": Kind.NUMBER,
    "Currency": Kind.NUMBER,
    "Percent": Kind.NUMBER,
    "Rating": Kind.NUMBER,
    "Duration": Kind.DURATION,
    "Date": Kind.DATE,
    "Datetime": Kind.DATETIME,
    "Time": Kind.TIME,
    "JSON": Kind.JSON,
    "Geolocation": Kind.JSON,
}
_SCALE: Final = {"Float": 9, "Currency": 9, "Percent": 9, "Duration": 9, "Rating": 2}
"""Decimals that the columns keep (decimal(21,9)), whatever the field's precision shows."""
_NEVER_NULL: Final = frozenset({"Check", "Int", "Long Int", "Float", "Currency", "Percent", "Duration", "Rating"})
_STANDARD: Final = (
    ("name", "Data", "ID"),
    ("owner", "Link", "Created By"),
    ("creation", "Datetime", "Created On"),
    ("modified", "Datetime", "Last Updated On"),
    ("modified_by", "Link", "Last Updated By"),
    ("docstatus", "Int", "Document Status"),
    ("idx", "Int", "Index"),
)
_OF_ROWS: Final = (
    ("parent", "Data", "Parent"),
    ("parentfield", "Data", "Parent Field"),
    ("parenttype", "Link", "Type"),
)
"""Standard columns that child DocTypes have besides."""


def field_type(fieldtype: str, *, length: int = 0, options: str = "", zone: ZoneInfo | None = None) -> FieldType:
    """What a field of ERPNext's type `fieldtype` holds. `options` are a Select's lines, `zone` the site's."""
    kind = _KINDS.get(fieldtype, Kind.TEXT)
    choices = tuple(line.strip() for line in options.split("\n") if line.strip()) if fieldtype == "Select" else ()
    longest: int | None = None
    if fieldtype in _SHORT:
        longest = length or _SHORT_LENGTH
    elif fieldtype == "Int":
        longest = length or None
    return FieldType(
        kind=kind,
        name=fieldtype,
        length=longest,
        scale=_SCALE.get(fieldtype),
        options=choices or None,
        zone=zone if kind is Kind.DATETIME else None,
        zero_is_empty=fieldtype in _NEVER_NULL,
    )


def site_zone(name: str) -> ZoneInfo:
    """The zone of that name; raises `HaltError` for one that this machine does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise HaltError(
            "schema",
            f"the site's time zone {name!r} is not known here",
            hint="set `timezone` of this site in syncd.toml to an IANA name such as Europe/Paris",
        ) from error


def _field(described: Mapping[str, Any], zone: ZoneInfo) -> FieldInfo:
    name, fieldtype = str(described["fieldname"]), str(described.get("fieldtype") or "Data")
    options = str(described.get("options") or "")
    # The site does not hold a naming series to its options.
    choices = "" if name == "naming_series" else options
    first_choice = fieldtype == "Select" and bool(options.split("\n", 1)[0].strip())
    return FieldInfo(
        name=name,
        type=field_type(fieldtype, length=_whole(described.get("length")), options=choices, zone=zone),
        label=str(described.get("label") or name),
        required=_yes(described, "reqd"),
        has_default=bool(described.get("default")) or first_choice,
        read_only=_yes(described, "read_only"),
        unique=_yes(described, "unique"),
        indexed=_yes(described, "search_index") or _yes(described, "unique"),
        set_only_once=_yes(described, "set_only_once"),
        permlevel=_whole(described.get("permlevel")),
        allow_on_submit=_yes(described, "allow_on_submit"),
        writable=fieldtype != "Password",
    )


def _standard(name: str, fieldtype: str, label: str, zone: ZoneInfo) -> FieldInfo:
    return FieldInfo(
        name=name,
        type=field_type(fieldtype, zone=zone),
        label=label,
        unique=name == "name",
        indexed=name in ("name", "modified", "creation"),
        writable=False,
    )


def _yes(described: Mapping[str, Any], key: str) -> bool:
    return bool(_whole(described.get(key)))


def _whole(held: object) -> int:
    """A number of the metadata, which some versions give as text; anything else counts as 0."""
    if isinstance(held, int):
        return int(held)
    return int(held) if isinstance(held, str) and held.strip().isdecimal() else 0


def described_doctype(client: SiteClient, doctype: str) -> dict[str, Any]:
    """The DocType's metadata as the site gives it; asked once in the life of the client.

    Raises `HaltError` (guard `schema`) when there is no such DocType, else as `SiteClient.get`.
    """
    return _bundle(client, doctype)[doctype]


def table_fields(client: SiteClient, doctype: str) -> dict[str, dict[str, Any]]:
    """The Table and Table MultiSelect fields of `doctype` as the site describes them, by fieldname.

    Errors are those of `described_doctype`.
    """
    fields = described_doctype(client, doctype).get("fields") or ()
    return {str(entry["fieldname"]): entry for entry in fields if entry.get("fieldtype") in TABLES}


def _bundle(client: SiteClient, doctype: str) -> dict[str, dict[str, Any]]:
    """The DocType and the DocTypes of its child tables, by name: the site answers them together."""
    return client.kept(f"meta:{doctype}", lambda: _ask(client, doctype))


def is_submittable(client: SiteClient, doctype: str) -> bool:
    """Whether documents of `doctype` can be submitted. Asks the site anew. Errors are those of `described_doctype`."""
    forget_doctype(client, doctype)
    return _yes(described_doctype(client, doctype), "is_submittable")


def forget_doctype(client: SiteClient, doctype: str) -> None:
    """Ask the site anew next time: its fields have changed."""
    client.forget(f"meta:{doctype}")


def _ask(client: SiteClient, doctype: str) -> dict[str, dict[str, Any]]:
    try:
        answer = client.get(
            "/api/method/frappe.desk.form.load.getdoctype",
            {"doctype": doctype},
            f"the metadata of {doctype}",
            ("docs", list),
        )
    except GoneError as error:
        raise missing_doctype(client, doctype) from error
    bundle = {str(described.get("name")): described for described in answer["docs"] if isinstance(described, dict)}
    if doctype in bundle:
        return bundle
    raise UnreachableError(
        f"{client.base_url} answers the metadata of other DocTypes than the {doctype} that was asked for",
        hint="something between syncd and the site may cache its answers: ask who runs it",
    )


def missing_doctype(client: SiteClient, doctype: str) -> HaltError:
    """The error for a DocType that the site does not have."""
    return HaltError(
        "schema",
        f"{client.base_url} has no DocType {doctype}",
        hint="check mapping.doctype (the name as ERPNext shows it, in English), or install the app that brings it",
    )


def load_schema(client: SiteClient, doctype: str, tables: Sequence[str] = ()) -> Schema:
    """The fields of `doctype` that have a column, standard ones first, and the child tables among `tables`.

    A name in `tables` that is no child table of the DocType is left out. Errors are those of `described_doctype`.
    """
    zone = site_zone(client.zone())
    described = described_doctype(client, doctype)
    known = {name: str(entry.get("options")) for name, entry in table_fields(client, doctype).items() if name in tables}
    bundle = _bundle(client, doctype)
    children = {
        name: _schema(bundle.get(child) or described_doctype(client, child), child, zone, {})
        for name, child in known.items()
    }
    return _schema(described, doctype, zone, children)


def _schema(described: Mapping[str, Any], doctype: str, zone: ZoneInfo, tables: Mapping[str, Schema]) -> Schema:
    standard = (*_STANDARD, *_OF_ROWS) if _yes(described, "istable") else _STANDARD
    fields = {name: _standard(name, fieldtype, label, zone) for name, fieldtype, label in standard}
    for entry in described.get("fields") or ():
        if entry.get("fieldtype") in NO_COLUMN or _yes(entry, "is_virtual") or not entry.get("fieldname"):
            continue
        fields.setdefault(str(entry["fieldname"]), _field(entry, zone))
    return Schema(
        entity=doctype,
        fields=fields,
        key=("name",),
        submittable=_yes(described, "is_submittable"),
        autoname=str(described.get("autoname") or ""),
        tables=tables,
    )
