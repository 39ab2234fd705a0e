"""Link fields of a mapping against the site: do they lead where the mapping says, and are the named documents there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from syncd.adapters.erpnext.calls import ListQuery, filters_for
from syncd.adapters.erpnext.client import SiteClient
from syncd.adapters.erpnext.errors import ReadRefusedError
from syncd.adapters.erpnext.meta import described_doctype
from syncd.adapters.erpnext.rights import mapped_fields
from syncd.core.mapping import FieldSpec, MappingSpec, TableSpec
from syncd.core.model import Raw
from syncd.core.values import quote
from syncd.errors import AccessError, GoneError, Problem

_NAMES_SHOWN: Final = 3
_TEXTS: Final = frozenset({"Data", "Small Text", "Text", "Long Text", "Read Only", "Autocomplete"})


def check_links(client: SiteClient, spec: MappingSpec, targets: Mapping[str, MappingSpec]) -> list[Problem]:
    """Whether each `link` stands at a field that can hold the names of the linked mapping's documents.

    `targets` are the mappings that links lead to, by name. Raises as `described_doctype`.
    """
    described = described_doctype(client, spec.doctype)
    fields = {key: field for key, _, field in mapped_fields(client, spec, described)}
    problems = []
    for table, entry in spec.linked():
        key = _key(table, entry)
        target = targets.get(entry.link or "")
        if key in fields and target is not None:
            problems += list(_check_link(spec, table, entry, fields[key], target))
    return problems


def _key(table: TableSpec | None, entry: FieldSpec) -> str:
    return f"fields.{entry.erpnext}" if table is None else f"tables.{table.erpnext}.fields.{entry.erpnext}"


def _check_link(
    spec: MappingSpec, table: TableSpec | None, entry: FieldSpec, field: Mapping[str, Any], target: MappingSpec
) -> Iterator[Problem]:
    fieldtype, options = str(field.get("fieldtype") or "Data"), str(field.get("options") or "")
    key = f"{_key(table, entry)}.link"
    if fieldtype == "Link":
        if options != target.doctype:
            yield Problem(
                file=spec.file,
                key=key,
                message=f"{entry.erpnext} holds names of {options}, the mapping {target.name} makes {target.doctype}: "
                "the site refuses each of them",
                hint=f"link through a mapping of the DocType {options}",
            )
    elif fieldtype == "Dynamic Link":
        yield from _check_dynamic(spec, table, entry, options, target)
    elif fieldtype in _TEXTS:
        yield Problem(
            file=spec.file,
            key=key,
            message=f"{entry.erpnext} is a {fieldtype} field, not a Link: the names stand there as text, and ERPNext "
            "does not follow a rename",
            hint="use a Link field where the DocType has one",
            warning=True,
        )
    else:
        yield Problem(
            file=spec.file,
            key=key,
            message=f"{entry.erpnext} is a {fieldtype} field, which holds no name of a document",
            hint="name a Link field, or take link out",
        )


def _check_dynamic(
    spec: MappingSpec, table: TableSpec | None, entry: FieldSpec, decides: str, target: MappingSpec
) -> Iterator[Problem]:
    """A Dynamic Link leads to the DocType that a field beside it names."""
    lines = spec.fields if table is None else table.fields
    beside = next((line for line in lines if line.erpnext == decides), None)
    key = _key(table, entry)
    where = "under [fields]" if table is None else f"under [tables.{table.erpnext}.fields]"
    if beside is None:
        yield Problem(
            file=spec.file,
            key=f"{key}.link",
            message=f"{entry.erpnext} leads to the DocType that {decides} names, and nothing fills {decides}",
            hint=f'add {decides} = {{ constant = "{target.doctype}" }} {where}',
        )
    elif beside.source is None and beside.constant != target.doctype:
        yield Problem(
            file=spec.file,
            key=f"{key}.link",
            message=f"{decides} says {quote(beside.constant)}, and the mapping {target.name} makes {target.doctype}",
            hint=f'write {decides} = {{ constant = "{target.doctype}" }} {where}',
        )
    elif beside.values is not None and target.doctype not in beside.values.values():
        yield Problem(
            file=spec.file,
            key=f"{key}.link",
            message=f"no entry of {decides} gives {target.doctype}, which the mapping {target.name} makes",
            hint=f"add an entry to the values of {decides}",
        )


def check_targets(
    client: SiteClient, spec: MappingSpec, sent: Mapping[str, Mapping[str, Sequence[str]]]
) -> list[Problem]:
    """Names that Link fields would be given and that no document has.

    `sent`: line → text → the rows of the source that hold it. Constants and defaults are looked up besides. A DocType
    that the user may not list is left out: its rights are told elsewhere.
    """
    described = described_doctype(client, spec.doctype)
    problems = []
    for key, entry, field in mapped_fields(client, spec, described):
        doctype = str(field.get("options") or "")
        if field.get("fieldtype") != "Link" or not doctype:
            continue
        fixed = _fixed(entry)
        rows = sent.get(key, {}) if entry.link is None else {}
        missing = _missing(client, doctype, [*rows, *([fixed[1]] if fixed else [])])
        if fixed and fixed[1] in missing:
            problems.append(_no_document(spec, f"{key}.{fixed[0]}", doctype, fixed[1], warning=False))
        wanted = {name: keys for name, keys in rows.items() if name in missing}
        if wanted:
            problems.append(_not_there(spec, key, doctype, wanted))
    return problems


def _fixed(entry: FieldSpec) -> tuple[str, str] | None:
    """A name that stands in the file: (which key, the name)."""
    held: tuple[tuple[str, Raw], ...] = (("constant", entry.constant), ("default", entry.default))
    return next(((key, str(value)) for key, value in held if isinstance(value, str) and value), None)


def _missing(client: SiteClient, doctype: str, names: Sequence[str]) -> frozenset[str]:
    """Those of `names` that no document has; none where the user may not list the DocType.

    The site's database compares without case and without blanks at the end: such a name is found there too.
    """
    wanted = list(dict.fromkeys(names))
    found: set[str] = set()
    try:
        for filters in filters_for("name", wanted):
            query = ListQuery(
                doctype=doctype, fields=("name",), filters=filters, or_filters=[], order_by="name asc", limit=0
            )
            found |= {_folded(str(row["name"])) for row in client.read_list(query)}
    except (AccessError, GoneError, ReadRefusedError):
        return frozenset()
    return frozenset(name for name in wanted if _folded(name) not in found)


def _folded(name: str) -> str:
    return name.rstrip().casefold()


def _no_document(spec: MappingSpec, key: str, doctype: str, name: str, *, warning: bool) -> Problem:
    return Problem(
        file=spec.file,
        key=key,
        message=f"there is no {doctype} “{name}” on the site: every document with it is refused",
        hint=f"make it in ERPNext, or name a {doctype} that is there",
        warning=warning,
    )


def _not_there(spec: MappingSpec, key: str, doctype: str, wanted: Mapping[str, Sequence[str]]) -> Problem:
    shown = "; ".join(f"“{name}” ({_rows(rows)})" for name, rows in list(wanted.items())[:_NAMES_SHOWN])
    more = f" and {len(wanted) - _NAMES_SHOWN} more" if len(wanted) > _NAMES_SHOWN else ""
    return Problem(
        file=spec.file,
        key=key,
        message=f"no {doctype} on the site is called {shown}{more}: such records are refused",
        hint=f"make them in ERPNext, or convert the values (values = {{ … }}), or link through a mapping of {doctype}",
        warning=True,
    )


def _rows(rows: Sequence[str]) -> str:
    more = f" and {len(rows) - _NAMES_SHOWN} more" if len(rows) > _NAMES_SHOWN else ""
    return ", ".join(rows[:_NAMES_SHOWN]) + more
