"""Check a mapping against what both sides say of themselves, before anything is run. Changes nothing.

The parts: `checking_names` (names that a side does not have), `checking_types` (types, options, lengths),
`checking_policies` (lifecycles, deletion, creation, matching), `checking_rows` (live rows there and back) and
`checking_together` (several mappings on one field).
"""

from __future__ import annotations

from collections.abc import Mapping

from syncd.app.checking_names import missing_columns, missing_fields
from syncd.app.checking_policies import check_policies
from syncd.app.checking_rows import LiveRows, check_rows, names_sent
from syncd.app.checking_together import check_together
from syncd.app.checking_types import check_types
from syncd.app.checking_words import lines
from syncd.app.results import Finding
from syncd.core.mapping import MappingSpec
from syncd.core.values import FieldType
from syncd.ports.endpoint import Schema

__all__ = [
    "LiveRows",
    "check_fields",
    "check_rows",
    "check_together",
    "missing_columns",
    "missing_fields",
    "names_sent",
]


def check_fields(
    spec: MappingSpec, erpnext: Schema, source: Schema, *, linked: Mapping[str, FieldType] | None = None
) -> list[Finding]:
    """What both schemas tell of a mapping: names, types, what is mandatory, what its policies meet.

    `spec` is as the file says it, `linked` the type of the id in the source for each mapping that links lead to. How
    the site's external-id field is made, its child tables and the rights are for the site's own check.
    """
    findings = missing_fields(spec, erpnext, source)
    for line in lines(spec, erpnext, source):
        findings.extend(check_types(line, linked or {}))
    return [*findings, *check_policies(spec, erpnext, source)]
