"""Custom Link fields of syncd's own: for what a record refers to and its DocType has no field for.

The invoice of a Payment Entry, say, out of which `[create]` has ERPNext build the document. A field that the mapping
calls `syncd_…` and that has a `link` is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from syncd.adapters.erpnext.described import flag
from syncd.core.mapping import MappingSpec
from syncd.core.model import Side


class OwnLink(NamedTuple):
    """A Link field that syncd makes. `target` is the DocType that it leads to."""

    spec: MappingSpec
    name: str
    target: str
    column: str


def own_links(specs: Iterable[MappingSpec]) -> Iterator[OwnLink]:
    """The Link fields that these mappings of one site need, each once."""
    known = {spec.name: spec for spec in specs}
    found: set[tuple[str, str]] = set()
    for spec in known.values():
        for entry in spec.fields if spec.direction.reaches(Side.ERPNEXT) else ():
            target = known.get(entry.link or "")
            key = (spec.doctype, entry.erpnext)
            if target is not None and entry.is_own_link and key not in found:
                found.add(key)
                yield OwnLink(spec, entry.erpnext, target.doctype, entry.source or "")


def link_field(described: Mapping[str, Any], link: OwnLink) -> dict[str, Any]:
    """The Custom Field document of a link; `described` is the DocType's metadata."""
    return {
        "dt": described["name"],
        "fieldname": link.name,
        "label": " ".join(word.capitalize() for word in link.name.split("_") if word),
        "fieldtype": "Link",
        "options": link.target,
        "description": f"Made by syncd: {link.column} of {link.spec.source} {link.spec.entity}. Do not edit it.",
        "no_copy": 1,
        "read_only": 1,
        "allow_on_submit": 1 if flag(described, "is_submittable") else 0,
        "insert_after": "append",
    }
