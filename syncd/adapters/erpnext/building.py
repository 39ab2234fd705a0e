"""Documents before they are inserted: what their creation asks for beside the mapped values.

A document is inserted as a draft or submitted at once, dated as it is mapped, and, where the mapping has
`create.method`, made by ERPNext itself: the method answers an unsaved document, over which the mapped values are laid.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from zoneinfo import ZoneInfo

from syncd.adapters.erpnext.client import SiteClient
from syncd.adapters.erpnext.errors import ReadRefusedError, described
from syncd.adapters.erpnext.hints import hint_for
from syncd.adapters.erpnext.wire import to_json
from syncd.core.mapping import FieldSpec, MappingSpec
from syncd.core.model import Raw, Rows, Side, Write
from syncd.core.spec import CreateMethod
from syncd.errors import AccessError, BusyError, GoneError, RefusedError, UnreachableError
from syncd.ports.endpoint import Schema

SET_POSTING_TIME: Final = "set_posting_time"
_POSTED: Final = ("posting_date", "posting_time")
_OF_DOCUMENTS: Final = frozenset({"name", "owner", "creation", "modified", "modified_by", "docstatus", "idx"})
_OF_ROWS: Final = frozenset({"parent", "parentfield", "parenttype"})
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


def as_new(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document without what the site gives each one anew: names, stamps, owners, and those of its rows."""
    held = {name: value for name, value in document.items() if _is_content(name)}
    for name, value in held.items():
        if isinstance(value, list):
            held[name] = [as_new_row(row) if isinstance(row, dict) else row for row in value]
    return held


def as_new_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A child row without its name and what ties it to its document; its place is its place in the list."""
    return {name: value for name, value in row.items() if _is_content(name) and name not in _OF_ROWS}


def _is_content(name: str) -> bool:
    """`__islocal`, `__onload`, `_user_tags` and the like are the site's own notes."""
    return name not in _OF_DOCUMENTS and not name.startswith("_")


class Dating:
    """Whether a posting date counts: the site replaces it by today at every save unless told otherwise (measured)."""

    def __init__(self, spec: MappingSpec, schema: Schema) -> None:
        self._has_switch = SET_POSTING_TIME in schema.fields
        self._mapped = spec.direction.reaches(Side.ERPNEXT) and any(
            entry.erpnext in _POSTED and _is_sent(entry) for entry in spec.fields
        )

    def switch(self, document: Mapping[str, Any], mapped: Container[str]) -> dict[str, int]:
        """What is sent besides so that a document keeps the posting date it holds; `mapped` fields are never set."""
        dated = any(document.get(name) for name in _POSTED)
        return {SET_POSTING_TIME: 1} if dated and self._has_switch and SET_POSTING_TIME not in mapped else {}

    def of_draft(self, mapped: Mapping[str, Any]) -> dict[str, int]:
        """The same for a change of a draft: a posting date that is mapped stays as it was agreed, sent or not."""
        agreed = dict.fromkeys(_POSTED, True) if self._mapped else mapped
        return self.switch(agreed, mapped)


def _is_sent(entry: FieldSpec) -> bool:
    return entry.source is None or entry.direction.reaches(Side.ERPNEXT)


class Building:
    """New documents of one mapping."""

    def __init__(self, client: SiteClient, spec: MappingSpec, schema: Schema) -> None:
        self._client = client
        self._spec = spec
        self._dating = Dating(spec, schema)

    def documents(self, writes: Sequence[Write], mapped: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The documents to insert. `mapped` holds for each write its values as JSON, external id and DocType included.

        Raises `RefusedError` where the method refuses one of them, `BusyError` where it gives no answer: nothing was
        done then. `AccessError` where it may not be called at all.
        """
        method = self._spec.create_method
        if method is None:
            return [self._finished(write, {}, given) for write, given in zip(writes, mapped, strict=True)]
        with ThreadPoolExecutor(self._client.concurrency, thread_name_prefix="syncd-build") as pool:
            built = list(pool.map(lambda write: self._ask(method, write), writes))
        return [
            self._finished(write, document, given) for write, document, given in zip(writes, built, mapped, strict=True)
        ]

    def _finished(self, write: Write, built: dict[str, Any], mapped: dict[str, Any]) -> dict[str, Any]:
        """The mapped values over the built ones; a mapped table replaces the built one."""
        document = {**built, **mapped, **self._dating.switch(mapped, mapped)}
        return {**document, "docstatus": write.docstatus} if write.docstatus else document

    def _ask(self, method: CreateMethod, write: Write) -> dict[str, Any]:
        """The unsaved document that the method makes for one write."""
        subject = f"new {self._spec.doctype} for {self._spec.source} {self._spec.entity} “{write.partner}”"
        asked = {name: self._argument(raw, write, subject) for name, raw in method.args.items()}
        try:
            answer = self._client.ask(method.method, asked, subject)
        except ReadRefusedError as error:
            raise self._refused(subject, method, error) from error
        except GoneError as error:
            raise RefusedError(
                f"{subject}: {method.method} refuses to build it: {error.message.removeprefix(f'{subject}: ')}",
                hint="what it is built from is not there: look at the values that create.args names",
                code=error.code,
                request_id=error.request_id,
            ) from error
        except AccessError:
            raise
        except UnreachableError as error:
            raise BusyError(error.message, hint="nothing was done; the next run tries again") from error
        if not isinstance(answer, dict) or answer.get("doctype", self._spec.doctype) != self._spec.doctype:
            made = answer.get("doctype") if isinstance(answer, dict) else "no document"
            raise RefusedError(
                f"{subject}: {method.method} builds {made}, not a {self._spec.doctype}",
                hint="set create.method to a method that answers an unsaved document of the mapping's DocType",
                code="NotTheDocType",
            )
        return as_new(answer)

    def _refused(self, subject: str, method: CreateMethod, error: ReadRefusedError) -> RefusedError:
        refusal = error.refusal
        return RefusedError(
            f"{subject}: {method.method} refuses to build it: {described(refusal)}",
            hint=hint_for(refusal.code, refusal.status),
            code=refusal.code or f"HTTP {refusal.status}",
            request_id=refusal.request_id,
        )

    def _argument(self, raw: Raw, write: Write, subject: str) -> Any:
        """One argument with its `{field}`s replaced; one that is nothing but a field keeps the value's type."""
        zone = ZoneInfo(self._client.zone())
        if not isinstance(raw, str):
            return to_json(raw, zone)
        whole = _PLACEHOLDER.fullmatch(raw)
        if whole:
            return to_json(_value(write, whole.group(1), subject), zone)
        return _PLACEHOLDER.sub(lambda found: str(to_json(_value(write, found.group(1), subject), zone)), raw)


def _value(write: Write, field: str, subject: str) -> Raw:
    raw = write.values.get(field)
    if raw is None or raw == "" or isinstance(raw, Rows):
        raise RefusedError(
            f"{subject}: create.args needs {field}, which is empty",
            hint=f"fill it in the source, or give fields.{field} a default",
            code="MissingArgument",
        )
    return raw
