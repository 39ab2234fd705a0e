"""What a mapping decides, against what its DocType and its source are: lifecycles, deletion, creation, matching."""

from __future__ import annotations

from collections.abc import Iterator

from syncd.app.checking_words import finding
from syncd.app.results import Finding, Severity
from syncd.core.mapping import MappingSpec, SourceDeleted, TableSpec, Touch
from syncd.core.model import Side
from syncd.core.scope import out_of_scope
from syncd.core.values import quote
from syncd.ports.endpoint import FieldInfo, Schema

_FILLED_IN_VOUCHERS = frozenset(
    {
        *("company", "currency", "conversion_rate", "selling_price_list", "buying_price_list", "price_list_currency"),
        *(
            "plc_conversion_rate",
            "debit_to",
            "credit_to",
            "base_net_total",
            "grand_total",
            "base_grand_total",
            "status",
        ),
        *("item_name", "description", "uom", "stock_uom", "conversion_factor", "rate", "amount", "base_rate"),
        *("base_amount", "income_account", "expense_account", "cost_center", "qty", "stock_qty", "delivery_date"),
        *("account_currency", "exchange_rate", "paid_from_account_currency", "paid_to_account_currency"),
    }
)
"""Mandatory fields of vouchers and of their rows that the site fills where they are empty (erpnext-api, "ERPNext")."""


def check_policies(spec: MappingSpec, erpnext: Schema, source: Schema) -> list[Finding]:
    """Findings about the mapping as a whole. `spec` is as its file says it: without a lifecycle that nobody wrote."""
    creates = spec.create.allows(Side.ERPNEXT) and spec.direction.reaches(Side.ERPNEXT)
    makes_rows = spec.create.allows(Side.SOURCE) and spec.direction.reaches(Side.SOURCE)
    return [
        *_lifecycle(spec, erpnext),
        *_deletion(spec, erpnext),
        *(_unfilled(spec, erpnext) if creates and spec.create_method is None else ()),
        *(_found_again(spec) if creates else ()),
        *(_unfilled_columns(spec, source) if makes_rows else ()),
        *(_out_of_scope(spec) if creates else ()),
        *_stamps(spec),
        *_matching(spec, erpnext),
        *_indexes(spec, source),
    ]


def _lifecycle(spec: MappingSpec, erpnext: Schema) -> Iterator[Finding]:
    written = spec.lifecycle is not None and spec.lifecycle.field is not None
    if written and not erpnext.submittable:
        yield finding(
            Severity.ERROR,
            spec,
            "lifecycle",
            f"{spec.doctype} cannot be submitted: no document of it has a state",
            "Take [lifecycle] out; map the status as a field where the DocType has one.",
        )
    if not written and erpnext.submittable and spec.direction.reaches(Side.ERPNEXT):
        yield finding(
            Severity.NOTE,
            spec,
            "lifecycle",
            f"{spec.doctype} can be submitted and the mapping has no [lifecycle]: documents are made as drafts, and "
            "nothing is submitted or cancelled for the source",
            "Add [lifecycle] where a column of the source says what is submitted.",
        )


def _deletion(spec: MappingSpec, erpnext: Schema) -> Iterator[Finding]:
    key, wanted = "delete.source_deleted", spec.source_deleted
    if wanted is SourceDeleted.CANCEL and not erpnext.submittable:
        yield finding(
            Severity.ERROR,
            spec,
            key,
            f'"cancel": {spec.doctype} cannot be submitted, so nothing of it can be cancelled',
            'Write "disable", "delete" or "ignore".',
        )
    if wanted is SourceDeleted.DISABLE and "disabled" not in erpnext.fields:
        yield finding(
            Severity.ERROR,
            spec,
            key,
            f'"disable": {spec.doctype} has no field disabled',
            'Write "delete" or "ignore".',
        )


def _unfilled(spec: MappingSpec, erpnext: Schema) -> Iterator[Finding]:
    filled = {entry.erpnext for entry in spec.fields}
    for info in erpnext.fields.values():
        if _waits(info, filled, voucher=erpnext.submittable):
            yield finding(
                Severity.WARNING,
                spec,
                "fields",
                f"{spec.doctype} needs {info.name} ({info.label or info.name}), which nothing fills",
                f'Map it, or add {info.name} = {{ constant = "…" }}, unless the site fills it by itself.',
            )
    for table in spec.tables:
        yield from _unfilled_rows(spec, table, erpnext)


def _unfilled_rows(spec: MappingSpec, table: TableSpec, erpnext: Schema) -> Iterator[Finding]:
    child = erpnext.tables.get(table.erpnext)
    if child is None or not table.direction.reaches(Side.ERPNEXT):
        return
    filled = {entry.erpnext for entry in table.fields}
    for info in child.fields.values():
        if _waits(info, filled, voucher=erpnext.submittable):
            yield finding(
                Severity.WARNING,
                spec,
                f"tables.{table.erpnext}.fields",
                f"rows of {table.erpnext} need {info.name} ({info.label or info.name}), which nothing fills",
                f'Map it, or add {info.name} = {{ constant = "…" }}, unless the site fills it by itself.',
            )


def _waits(info: FieldInfo, filled: set[str], *, voucher: bool) -> bool:
    """Whether the site wants a value that nothing gives. What is read-only it fills itself."""
    if not info.required or info.has_default or info.read_only or not info.writable or info.name in filled:
        return False
    return not (voucher and info.name in _FILLED_IN_VOUCHERS)


def _found_again(spec: MappingSpec) -> Iterator[Finding]:
    """Creation needs something to find its documents by after a lost answer."""
    if spec.external_id is None:
        safe = bool(spec.match)
        yield finding(
            Severity.WARNING if safe else Severity.ERROR,
            spec,
            "erpnext.external_id",
            "is not set: after a lost answer nothing but the match rules tells which document was made"
            if safe
            else "is not set, and there is no match rule: after a lost answer nothing tells which document was made",
            f'Add external_id = "syncd_{spec.source}_id" and run `syncd provision --apply`.',
        )


def _unfilled_columns(spec: MappingSpec, source: Schema) -> Iterator[Finding]:
    """Columns without which the source takes no new row; a trigger of the table may fill them all the same."""
    filled = {entry.source for entry in spec.fields if entry.direction.reaches(Side.SOURCE)}
    filled |= {table.source for table in spec.tables} | {spec.erpnext_name, *spec.source_filters}
    filled |= {spec.lifecycle.field} if spec.lifecycle is not None else set()
    filled |= {spec.modified} if spec.touch is Touch.AUTO else set()
    for info in source.fields.values():
        wanted = info.required or info.name in spec.source_id
        if not wanted or info.has_default or info.read_only or not info.writable or info.name in filled:
            continue
        yield finding(
            Severity.WARNING,
            spec,
            "source.id" if info.name in spec.source_id else "fields",
            f"a new row of {spec.entity} needs {info.name}, which nothing fills: records that ERPNext has alone fail",
            f'Map a field to it, give the column a default, or set create = "erpnext" under [match] in {spec.file}.',
        )


def _out_of_scope(spec: MappingSpec) -> Iterator[Finding]:
    """A constant that contradicts the mapping's own filter: every creation would be refused."""
    fixed = {entry.erpnext: entry.constant for entry in spec.fields if entry.source is None}
    reason = out_of_scope(spec, Side.ERPNEXT, fixed)
    if reason is not None:
        yield finding(
            Severity.ERROR,
            spec,
            "erpnext.filters",
            f"no document can be made: {reason}",
            "Make the constant fit the filter.",
        )
    given = {entry.erpnext for entry in spec.fields}
    for condition in spec.erpnext_filters:
        name, operator, wanted = str(condition[0]), str(condition[1]), condition[2]
        if operator == "=" and name not in given:
            yield finding(
                Severity.WARNING,
                spec,
                "erpnext.filters",
                f"new documents are given no {name}, so they leave the filter {name} = {quote(wanted)} at once",
                f"Add {name} = {{ constant = {_toml(wanted)} }} under [fields].",
            )


def _toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


def _stamps(spec: MappingSpec) -> Iterator[Finding]:
    if spec.modified is None:
        yield finding(
            Severity.NOTE,
            spec,
            "source.modified",
            f"is not set: every pass reads all rows of {spec.entity} and compares their digests",
            'Add modified = "…" under [source] where a column holds the stamp of the last change.',
        )


def _matching(spec: MappingSpec, erpnext: Schema) -> Iterator[Finding]:
    """Rules of one field that nothing in ERPNext keeps apart."""
    for name in dict.fromkeys(rule[0] for rule in spec.match if len(rule) == 1):
        info = erpnext.fields.get(name)
        if info is not None and not info.indexed:
            yield finding(
                Severity.NOTE,
                spec,
                "match.by",
                f"{name} has no index in {spec.doctype}: nothing there keeps two documents from holding one value, and "
                "what matches both is held",
                "Where its values tell records apart, set Unique or Index for it in Customize Form.",
            )


def _indexes(spec: MappingSpec, source: Schema) -> Iterator[Finding]:
    """The same of the source, and columns that rows are asked for by; only of a source that tells its indexes."""
    if not any(info.indexed for info in source.fields.values()):
        return
    bare = {name for name, info in source.fields.items() if not info.indexed}
    for name in dict.fromkeys(rule[0] for rule in spec.match if len(rule) == 1):
        column = next((entry.source for entry in spec.fields if entry.erpnext == name), None)
        if column in bare:
            yield finding(
                Severity.NOTE,
                spec,
                "match.by",
                f"{column} has no index in {spec.entity}: nothing there keeps two rows from holding one value, and "
                "what matches both is held",
                "Where its values tell records apart, give it a unique index.",
            )
    for key, column in (("modified", spec.modified), ("erpnext_name", spec.erpnext_name)):
        if column in bare:
            yield finding(
                Severity.NOTE,
                spec,
                f"source.{key}",
                f"{column} has no index: each time it is asked for, the database reads all of {spec.entity}",
                "Give it an index where the table is large.",
            )
