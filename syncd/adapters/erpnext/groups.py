"""Documents that are one record together: the entries of a voucher in a ledger.

The site renames ledger entries by the hour, deletes them and books them anew (erpnext-api, "Things that bite"): they
have no identity of their own, their voucher has. So the record is the group of all documents that agree in the fields
of `[erpnext] group`, and they are the rows of its one table. A group is always read whole: rows are told by position,
in an order that only what they say decides, so that entries that are booked anew as they were are no change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from syncd.adapters.erpnext.calls import ListQuery, filters_for
from syncd.adapters.erpnext.client import SiteClient
from syncd.adapters.erpnext.feed import look_back, read_cursor, write_cursor
from syncd.adapters.erpnext.fitting import close, halt_unless_listed
from syncd.adapters.erpnext.meta import load_schema, missing_doctype
from syncd.adapters.erpnext.wire import left_out, to_json, trimmed_stamp
from syncd.core.keys import MOST_CHARACTERS, decode_part, encode_part
from syncd.core.mapping import MappingSpec, layout, table_layout
from syncd.core.model import Image, Row, Rows, Side, TableRow, Write
from syncd.core.row_keys import positions
from syncd.errors import GoneError, HaltError
from syncd.ports.endpoint import Capabilities, Deletion, Page, RowProblem, Schema, WriteResult

GROUPS_AT_ONCE: Final = 50
"""Groups whose documents are asked for together: some have hundreds."""

Parts = tuple[str, ...]
"""The values of a group's fields."""


class GroupEndpoint:
    """The groups of one DocType, read only. What it makes of them are the rows of the mapping's one table."""

    def __init__(self, client: SiteClient, spec: MappingSpec, *, page_size: int = 1000) -> None:
        self._client = client
        self._spec = spec
        self._page_size = page_size
        self._before = client.requests
        tables = {table.erpnext: table_layout(table)[0] for table in spec.tables}
        self._fields = tuple(name for name in layout(spec)[0] if name not in tables)
        self._row_fields: tuple[str, ...] = next(iter(tables.values()), ())
        self._schema: Schema | None = None

    @property
    def requests(self) -> int:
        """HTTP requests since this endpoint was made."""
        return self._client.requests - self._before

    def capabilities(self) -> Capabilities:
        """What can be done: reading. Raises `AccessError` when the credentials are refused."""
        return Capabilities(
            side=Side.ERPNEXT,
            zone=self._client.zone(),
            incremental=True,
            editor=None,
            seen_by=f"{self._client.base_url} {self._spec.doctype}",
        )

    def keyed_creation(self) -> bool:
        """Nothing is created here."""
        return False

    def schema(self) -> Schema:
        """The DocType's fields; its documents are the rows of the mapping's table.

        Raises `HaltError` (guard `schema`) when the site has no such DocType, or no such field.
        """
        if self._schema is None:
            self._schema = group_schema(self._client, self._spec)
        return self._schema

    def changes(self, cursor: str | None, *, overlap: float) -> Iterator[Page]:
        """Groups with a document stamped since `cursor` less `overlap` seconds; all without a cursor."""
        reached = read_cursor(cursor)
        start = None
        if reached is not None:
            start = look_back(reached, overlap, site_now=self._client.clock.now(), zone=ZoneInfo(self._client.zone()))
        for found in self._pages("modified", start):
            stamp = max(str(found[-1]["modified"]), reached or "")
            yield self._page(found, write_cursor(stamp, found[-1]["name"]), set())

    def scan(self) -> Iterator[Page]:
        """Every group, once. Each page's cursor is the newest stamp at the beginning of the pass."""
        newest = self._list([], [], "modified desc, name desc", 1, ("name", "modified"))
        if not newest:
            return
        cursor = write_cursor(newest[0]["modified"], newest[0]["name"])
        met: set[Parts] = set()
        for found in self._pages(self._spec.group[-1], None):
            yield self._page(found, cursor, met)

    def fetch(self, keys: Sequence[str]) -> list[Row]:
        """The groups with these keys, whatever the mapping's filters say."""
        wanted = [parts for parts in map(_parts, keys) if len(parts) == len(self._spec.group)]
        return self._rows(wanted)

    def fetch_singly(self, keys: Sequence[str]) -> list[Row]:
        """As `fetch`: who may read a ledger may read all of it."""
        return self.fetch(keys)

    def deletions(self, cursor: str | None, *, overlap: float) -> list[Deletion]:  # noqa: ARG002 - the port
        """None: the site does not list deleted ledger entries, and a group is gone only with all of them."""
        return []

    def find(self, partners: Sequence[str]) -> list[Row]:  # noqa: ARG002 - the port
        """None: groups carry no ids of the source."""
        return []

    def amendments(self, names: Sequence[str]) -> dict[str, Row]:  # noqa: ARG002 - the port
        """None: groups are not amended."""
        return {}

    def create(self, writes: Sequence[Write], operation: str) -> list[WriteResult]:
        """Not called: a mapping with a group flows to the source only."""
        raise NotImplementedError(f"{operation}: {len(writes)} writes into groups of {self._spec.doctype}")

    def created(self, writes: Sequence[Write], operation: str, *, sent: datetime | None = None) -> None:
        """Not called, as `create`."""
        raise NotImplementedError(f"{operation}: {len(writes)} writes into groups of {self._spec.doctype}, {sent}")

    def apply(self, writes: Sequence[Write]) -> Iterable[tuple[int, WriteResult]]:
        """Not called, as `create`."""
        raise NotImplementedError(f"{len(writes)} writes into groups of {self._spec.doctype}")

    def close(self) -> None:
        """Nothing to give back: the connections are the client's."""

    def _pages(self, first: str, start: str | None) -> Iterator[list[dict[str, Any]]]:
        """Documents in the order of the field `first` and their names, in keyset order; `start` is where they begin.

        Only which groups they belong to counts. A page that begins in the middle of a group, or where entries are
        renamed meanwhile, leaves nothing out: a group is read whole by itself.
        """
        name: str | None = None
        self.schema()
        fields = tuple(dict.fromkeys(("name", "modified", *self._spec.group)))
        while True:
            filters: list[list[Any]] = [] if start is None else [[first, ">=", start]]
            beyond: list[list[Any]] = [] if name is None else [[first, ">", start], ["name", ">", name]]
            found = self._list([*filters, *self._filters()], beyond, f"{first} asc, name asc", self._page_size, fields)
            if not found:
                return
            yield found
            start, name = found[-1][first], found[-1]["name"]

    def _page(self, found: Sequence[Mapping[str, Any]], cursor: str, met: set[Parts]) -> Page:
        """The groups that these documents are a part of, but for those that were met before."""
        wanted: dict[Parts, None] = {}
        problems = []
        for document in found:
            held = tuple(str(document[name] or "") for name in self._spec.group)
            reason = _unfit(held, self._spec.group)
            if reason:
                problems.append(RowProblem(_key(held), reason))
            elif held not in met:
                wanted[held] = None
        met.update(wanted)
        return Page(rows=self._rows(list(wanted)), cursor=cursor, problems=tuple(dict.fromkeys(problems)))

    def _rows(self, wanted: Sequence[Parts]) -> list[Row]:
        """These groups, each with all of its documents; those that have none are left out."""
        last, members = self._spec.group[-1], defaultdict[Parts, list[dict[str, Any]]](list)
        asked = set(wanted)
        fields = tuple(dict.fromkeys(("name", "modified", *self._spec.group, *self._fields, *self._row_fields)))
        self.schema()
        for filters in filters_for(last, [parts[-1] for parts in wanted], GROUPS_AT_ONCE):
            for document in self._list(filters, [], "creation asc, name asc", 0, fields):
                parts = tuple(str(document[name] or "") for name in self._spec.group)
                if parts in asked:
                    members[parts].append(document)
        return [self._row(parts, members[parts]) for parts in dict.fromkeys(wanted) if parts in members]

    def _row(self, parts: Parts, documents: Sequence[Mapping[str, Any]]) -> Row:
        """One group. What the record itself holds is what its first document holds; all of them should agree there."""
        try:
            made = [(self._image(document, self._row_fields), document) for document in documents]
            made.sort(key=lambda each: (_order(each[0]), _order(self._image(each[1], self._fields))))
            head = self._image(made[0][1], self._fields)
        except KeyError as error:
            name = str(error.args[0])
            info = self.schema().fields.get(name)
            place = f"{self._client.base_url} {self._spec.doctype}"
            raise left_out(place, f"fields.{name}", info.permlevel if info else 0, self._client.user()) from error
        names = positions(len(made))
        rows = Rows(tuple(TableRow(name, image) for name, (image, _) in zip(names, made, strict=True)))
        return Row(
            key=_key(parts),
            stamp=trimmed_stamp(max(str(document["modified"]) for document in documents)),
            values=(*head, rows) if self._row_fields else head,
        )

    @staticmethod
    def _image(document: Mapping[str, Any], fields: Sequence[str]) -> Image:
        return tuple(document[name] for name in fields)

    def _filters(self) -> list[list[Any]]:
        zone = ZoneInfo(self._client.zone())
        return [
            [
                [to_json(each, zone) for each in part] if isinstance(part, tuple) else to_json(part, zone)
                for part in entry
            ]
            for entry in self._spec.erpnext_filters
        ]

    def _list(
        self,
        filters: list[list[Any]],
        or_filters: list[list[Any]],
        order_by: str,
        limit: int,
        fields: tuple[str, ...],
    ) -> list[dict[str, Any]]:
        query = ListQuery(
            doctype=self._spec.doctype,
            fields=fields,
            filters=filters,
            or_filters=or_filters,
            order_by=order_by,
            limit=limit,
        )
        try:
            return self._client.read_list(query)
        except GoneError as error:
            raise missing_doctype(self._client, self._spec.doctype) from error


def group_schema(client: SiteClient, spec: MappingSpec) -> Schema:
    """The DocType's fields, with itself as the mapping's table: its documents are the rows.

    Raises `HaltError` (guard `schema`) for a field of `[erpnext] group` that the DocType does not have.
    """
    halt_unless_listed(client, spec.doctype)
    schema = load_schema(client, spec.doctype)
    for name in spec.group:
        if name not in schema.fields:
            raise HaltError(
                "schema",
                f"{spec.file}: erpnext.group: {spec.doctype} has no field {name}",
                hint=close(name, schema.fields),
            )
    return Schema(
        entity=schema.entity,
        fields=schema.fields,
        key=spec.group,
        autoname=schema.autoname,
        tables={table.erpnext: schema for table in spec.tables},
    )


def _key(parts: Parts) -> str:
    return "/".join(map(encode_part, parts))


def _parts(key: str) -> Parts:
    return tuple(map(decode_part, key.split("/")))


def _unfit(parts: Parts, names: Sequence[str]) -> str:
    """Why no key can be made of a group's values; "" where one can."""
    empty = [name for name, part in zip(names, parts, strict=True) if not part.strip()]
    if empty:
        return f"{', '.join(empty)} {'is' if len(empty) == 1 else 'are'} empty: it belongs to no group"
    return f"longer than {MOST_CHARACTERS} characters" if len(_key(parts)) > MOST_CHARACTERS else ""


def _order(image: Image) -> tuple[tuple[bool, str], ...]:
    """What documents of a group are sorted by: an order that is the same whenever they say the same."""
    return tuple((held is not None, str(held)) for held in image)
