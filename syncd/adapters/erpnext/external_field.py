"""The custom field that holds the source's id: how it is made, and what is wrong with one that is there.

On DocTypes that cannot be submitted it is unique. On those that can it is not, and it may be written after submit: an
amendment carries its predecessor's id, and a document that was submitted before it was paired must still take one.
`no_copy` keeps a person's *Duplicate* from taking the id along.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from syncd.adapters.erpnext.described import flag, number
from syncd.core.keys import MOST_CHARACTERS

_MARK: Final = "Made by syncd"
_PREFIX: Final = "syncd_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """One property of a field that is not as it must be. `property` is the Custom Field's, `wanted` what it should be.

    None of them loses data when it is set: a field is only widened, and the site refuses Unique where ids are double.
    """

    property: str
    wanted: int
    message: str


def external_id_field(described: Mapping[str, Any], name: str, holds: str = "") -> dict[str, Any]:
    """The Custom Field document that holds the external id of a DocType, which is given by its metadata.

    `holds` is a person's word for the records whose ids it holds.
    """
    submittable = flag(described, "is_submittable")
    names = [entry.get("fieldname") for entry in described.get("fields") or () if entry.get("fieldname") != name]
    title = described.get("title_field")
    document = {
        "dt": described["name"],
        "fieldname": name,
        "label": " ".join("ID" if word == "id" else word.capitalize() for word in name.split("_") if word),
        "fieldtype": "Data",
        "description": f"{_MARK}: the id of {holds or 'the record in the other system'}. Do not edit it.",
        "unique": 0 if submittable else 1,
        "search_index": 1 if submittable else 0,
        "no_copy": 1,
        "read_only": 1,
        "allow_on_submit": 1 if submittable else 0,
    }
    after = title if title in names else next(iter(names), None)
    return {**document, "insert_after": after} if after else document


def found_field(described: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """The field of that name as the site describes it."""
    return next((entry for entry in described.get("fields") or () if entry.get("fieldname") == name), None)


def is_data(field: Mapping[str, Any]) -> bool:
    """Whether the field can hold ids at all: another type may cut, change or refuse them."""
    return field.get("fieldtype") == "Data"


def is_custom(field: Mapping[str, Any]) -> bool:
    """Whether the field was added to the DocType on this site."""
    return flag(field, "is_custom_field")


def is_syncds(name: str, description: str) -> bool:
    """Whether syncd made the custom field: by its name, or by what it says of itself."""
    return name.startswith(_PREFIX) or description.startswith(_MARK)


def flaws(described: Mapping[str, Any], field: Mapping[str, Any]) -> list[Flaw]:
    """What is wrong with a Data field that is to hold external ids, the worst first."""
    name, submittable = str(field.get("fieldname")), flag(described, "is_submittable")
    found = []
    if submittable and not flag(field, "allow_on_submit"):
        found.append(Flaw(property="allow_on_submit", wanted=1, message=f"{name} may not be written after submit"))
    if submittable and flag(field, "unique"):
        found.append(Flaw(property="unique", wanted=0, message=f"{name} is unique: nobody can amend then"))
    if not submittable and not flag(field, "unique"):
        found.append(Flaw(property="unique", wanted=1, message=f"{name} is not unique: two documents may hold one id"))
    if not flag(field, "no_copy"):
        found.append(Flaw(property="no_copy", wanted=1, message=f"{name} is copied by Duplicate: the copy has the id"))
    length = number(field, "length")
    if 0 < length < MOST_CHARACTERS:
        message = f"{name} holds {length} characters: ids may have {MOST_CHARACTERS}"
        found.append(Flaw(property="length", wanted=MOST_CHARACTERS, message=message))
    if submittable and not flag(field, "search_index"):
        message = f"{name} has no index: each look-up by id reads the whole table"
        found.append(Flaw(property="search_index", wanted=1, message=message))
    return found
