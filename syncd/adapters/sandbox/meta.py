"""DocTypes as data: fields, naming, permissions.

The DocTypes of the sandbox are JSON files in `doctypes/`; DocTypes, Custom Fields and Property Setters made on a
site are documents of that site and are merged in by `Metadata`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

import orjson

from .conversions import cint


class Kind(Enum):
    """How a field's value is held: by the site in memory, in its column and in answers."""

    TEXT = "text"
    LONG_TEXT = "long text"
    INT = "int"
    CHECK = "check"
    FLOAT = "float"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    JSON = "json"
    PASSWORD = "password"  # noqa: S105 - the name of a fieldtype
    TABLE = "table"
    LAYOUT = "layout"


_KINDS = {
    "Int": Kind.INT,
    "Long Int": Kind.INT,
    "Check": Kind.CHECK,
    "Float": Kind.FLOAT,
    "Currency": Kind.FLOAT,
    "Percent": Kind.FLOAT,
    "Rating": Kind.FLOAT,
    "Duration": Kind.FLOAT,
    "Date": Kind.DATE,
    "Datetime": Kind.DATETIME,
    "Time": Kind.TIME,
    "JSON": Kind.JSON,
    "Geolocation": Kind.JSON,
    "Password": Kind.PASSWORD,
    "Table": Kind.TABLE,
    "Table MultiSelect": Kind.TABLE,
    **dict.fromkeys(
        ("Small Text", "Long Text", "Code", "Text Editor", "Markdown Editor", "HTML Editor", "Text", "Signature"),
        Kind.LONG_TEXT,
    ),
    **dict.fromkeys(
        ("Section Break", "Column Break", "Tab Break", "HTML", "Button", "Image", "Heading", "Fold"), Kind.LAYOUT
    ),
}
NUMBERS = frozenset({Kind.INT, Kind.CHECK, Kind.FLOAT})
TEXTS = frozenset({Kind.TEXT, Kind.LONG_TEXT, Kind.JSON, Kind.PASSWORD})


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a DocType, in ERPNext's own words."""

    fieldname: str
    fieldtype: str = "Data"
    label: str = ""
    options: str = ""
    reqd: bool = False
    unique: bool = False
    read_only: bool = False
    hidden: bool = False
    set_only_once: bool = False
    length: int = 0
    precision: str = ""
    permlevel: int = 0
    allow_on_submit: bool = False
    no_copy: bool = False
    default: str | None = None
    fetch_from: str = ""
    fetch_if_empty: bool = False
    ignore_xss_filter: bool = False
    non_negative: bool = False
    search_index: bool = False
    is_virtual: bool = False
    is_custom_field: bool = False
    kind: Kind = Kind.TEXT

    @property
    def has_column(self) -> bool:
        """Whether the DocType's table has a column for it."""
        return self.kind not in (Kind.TABLE, Kind.LAYOUT) and not self.is_virtual

    @property
    def choices(self) -> list[str]:
        """The options of a Select."""
        return self.options.split("\n") if self.options else []

    @property
    def max_length(self) -> int:
        """How many characters fit; 0 for no limit."""
        return (self.length or 140) if self.kind is Kind.TEXT else 0


_FLAGS = {
    name: type(getattr(Field(fieldname="x"), name))
    for name in Field.__dataclass_fields__
    if name not in ("kind", "default")
}


def _read_property(value: Any, wanted: type) -> Any:
    if wanted is bool:
        return bool(cint(value))
    return cint(value) if wanted is int else str(value)


def make_field(values: dict[str, Any]) -> Field:
    """A Field from a DocField or Custom Field row (unknown keys are not looked at)."""
    known: dict[str, Any] = {}
    for key, wanted in _FLAGS.items():
        value = values.get(key)
        if value is not None:
            known[key] = _read_property(value, wanted)
    default = values.get("default")
    known["default"] = None if default in (None, "") else str(default)
    known["kind"] = _KINDS.get(known.get("fieldtype", "Data"), Kind.TEXT)
    known.setdefault("label", known["fieldname"])
    return Field(**known)


STANDARD = tuple(
    make_field({"fieldname": name, "label": label, "fieldtype": fieldtype, "options": options})
    for name, label, fieldtype, options in (
        ("name", "ID", "Data", ""),
        ("owner", "Created By", "Data", ""),
        ("creation", "Created On", "Datetime", ""),
        ("modified", "Last Updated On", "Datetime", ""),
        ("modified_by", "Last Updated By", "Data", ""),
        ("docstatus", "Document Status", "Int", ""),
        ("idx", "Index", "Int", ""),
    )
)
CHILD = tuple(make_field({"fieldname": name, "label": name}) for name in ("parent", "parentfield", "parenttype"))
STANDARD_NAMES = frozenset(item.fieldname for item in STANDARD + CHILD)
RIGHTS = ("read", "write", "create", "delete", "submit", "cancel", "amend", "select")


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """What one role may do with a DocType at one permission level."""

    role: str
    permlevel: int = 0
    rights: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class DocTypeMeta:
    """A DocType with the site's custom fields and property setters merged in."""

    name: str
    autoname: str = ""
    fields: tuple[Field, ...] = ()
    permissions: tuple[Permission, ...] = ()
    istable: bool = False
    issingle: bool = False
    is_tree: bool = False
    is_submittable: bool = False
    in_create: bool = False
    allow_rename: bool = False
    custom: bool = False
    title_field: str = ""
    properties: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """Every field with a value, the standard ones among them."""
        standard = STANDARD + CHILD if self.istable else STANDARD
        return {item.fieldname: item for item in (*standard, *self.fields) if item.kind is not Kind.LAYOUT}

    @cached_property
    def columns(self) -> tuple[Field, ...]:
        """The table's columns in the order of answers."""
        return tuple(item for item in self.by_name.values() if item.has_column)

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """Names of `columns`."""
        return tuple(item.fieldname for item in self.columns)

    @cached_property
    def value_fields(self) -> tuple[Field, ...]:
        """Fields of its own that hold one value: neither standard nor tables."""
        return tuple(item for item in self.fields if item.kind not in (Kind.TABLE, Kind.LAYOUT))

    @cached_property
    def table_fields(self) -> tuple[Field, ...]:
        """Fields that hold child rows."""
        return tuple(item for item in self.fields if item.kind is Kind.TABLE)

    @cached_property
    def link_fields(self) -> tuple[Field, ...]:
        """Fields that name another document."""
        return tuple(item for item in self.fields if item.fieldtype in ("Link", "Dynamic Link") and item.has_column)

    @cached_property
    def parent_field(self) -> str:
        """In a tree, the field that names the parent node."""
        return f"parent_{self.name.lower().replace(' ', '_')}"

    @property
    def table(self) -> str:
        """The name of its table."""
        return f"tab{self.name}"


def make_meta(values: dict[str, Any]) -> DocTypeMeta:
    """A DocTypeMeta from a DocType document (with its rows `fields` and `permissions`)."""
    permissions = tuple(
        Permission(
            role=row["role"],
            permlevel=cint(row.get("permlevel")),
            rights=frozenset(right for right in RIGHTS if cint(row.get(right))),
        )
        for row in values.get("permissions") or ()
    )
    flags = ("istable", "issingle", "is_tree", "is_submittable", "in_create", "allow_rename", "custom")
    return DocTypeMeta(
        name=values["name"],
        autoname=values.get("autoname") or "",
        fields=tuple(make_field(row) for row in values.get("fields") or ()),
        permissions=permissions,
        title_field=values.get("title_field") or "",
        properties={key: values[key] for key in ("naming_rule", "track_changes") if values.get(key)},
        **{flag: bool(cint(values.get(flag))) for flag in flags},
    )


@cache
def packaged() -> dict[str, dict[str, Any]]:
    """The DocTypes that every sandbox has, by name, as their files have them."""
    found: dict[str, dict[str, Any]] = {}
    folder = files(__package__) / "doctypes"
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".json"):
            for values in orjson.loads(entry.read_bytes()):
                found[values["name"]] = values
    return found


def with_customs(meta: DocTypeMeta, customs: list[dict[str, Any]], setters: list[dict[str, Any]]) -> DocTypeMeta:
    """Merge Custom Field and Property Setter documents into a DocType."""
    fields = list(meta.fields)
    for values in customs:
        made = make_field({**values, "is_custom_field": 1})
        position = next((at for at, item in enumerate(fields) if item.fieldname == values.get("insert_after")), None)
        fields.insert(len(fields) if position is None else position + 1, made)
    for setter in setters:
        fields = [_with_property(item, setter) for item in fields]
    return replace(meta, fields=tuple(fields))


def _with_property(item: Field, setter: dict[str, Any]) -> Field:
    """The field with one Property Setter applied, if it is meant."""
    key = setter["property"]
    if setter.get("field_name") != item.fieldname or key not in (*_FLAGS, "default"):
        return item
    values = {name: getattr(item, name) for name in Field.__dataclass_fields__ if name != "kind"}
    return make_field({**values, key: setter.get("value") or 0})
