"""The ERPNext side of one mapping: `Endpoint` for one DocType."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from syncd.adapters.erpnext.amending import Chains
from syncd.adapters.erpnext.barred import Barred
from syncd.adapters.erpnext.child_reader import ChildReader
from syncd.adapters.erpnext.client import SiteClient
from syncd.adapters.erpnext.creator import LARGEST_BATCH, Creator
from syncd.adapters.erpnext.feed import Feed
from syncd.adapters.erpnext.fitting import halt_unless_known, table_shapes
from syncd.adapters.erpnext.linked import forget_references
from syncd.adapters.erpnext.lookup import Lookup
from syncd.adapters.erpnext.meta import load_schema
from syncd.adapters.erpnext.operations import forget_operations, has_operations
from syncd.adapters.erpnext.traces import Traces
from syncd.adapters.erpnext.wire import RowShape, to_json
from syncd.adapters.erpnext.writer import Writer
from syncd.core.mapping import MappingSpec, layout
from syncd.core.model import Row, Side, Write
from syncd.ports.endpoint import Capabilities, Deletion, Page, Schema, WriteResult


@dataclass(frozen=True, slots=True)
class _Parts:
    """What needs the DocType's metadata, made on first use."""

    feed: Feed
    lookup: Lookup
    creator: Creator
    writer: Writer
    chains: Chains
    traces: Traces


class ErpnextEndpoint:
    """One DocType of one site, bound to a mapping's fields and filters.

    Made for one run, which `run` names in the site's `Syncd Operation` records. The client is shared with the other
    mappings of the site and is not closed here.
    """

    def __init__(self, client: SiteClient, spec: MappingSpec, *, page_size: int = 1000, run: str = "") -> None:
        self._client = client
        self._spec = spec
        self._page_size = page_size
        self._run = run
        self._layout = layout(spec)[0]
        self._schema: Schema | None = None
        self._made: _Parts | None = None
        self._before = client.requests
        # A daemon's client lives long: what the site has is asked anew for each run.
        forget_operations(client)
        forget_references(client, spec.doctype)

    @property
    def requests(self) -> int:
        """HTTP requests since this endpoint was made; other mappings on the same client count, if they run at once."""
        return self._client.requests - self._before

    def capabilities(self) -> Capabilities:
        """What the site can do for this mapping. Raises `AccessError` when the credentials are refused."""
        return Capabilities(
            side=Side.ERPNEXT,
            zone=self._client.zone(),
            incremental=True,
            editor=self._client.user(),
            create_batch=LARGEST_BATCH,
            update_batch=100,
            seen_by=f"{self._client.base_url} {self._spec.doctype}",
        )

    def keyed_creation(self) -> bool:
        """Whether the site has `Syncd Operation`, as far as its user may tell."""
        return has_operations(self._client)

    def schema(self) -> Schema:
        """The DocType's fields and the child tables that the mapping names.

        Raises `HaltError` (guard `schema`) when the site has no such DocType.
        """
        if self._schema is None:
            self._schema = load_schema(self._client, self._spec.doctype, [table.erpnext for table in self._spec.tables])
        return self._schema

    def changes(self, cursor: str | None, *, overlap: float) -> Iterator[Page]:
        """Documents stamped since `cursor` less `overlap` seconds, oldest stamp first; all without a cursor."""
        return self._parts().feed.changes(cursor, overlap)

    def scan(self) -> Iterator[Page]:
        """Every document in the order of creation. A page's cursor is where `changes` goes on after the whole pass."""
        return self._parts().feed.scan()

    def fetch(self, keys: Sequence[str]) -> list[Row]:
        """The documents of these names, whatever the mapping's filters say."""
        return self._parts().lookup.by_name(keys)

    def fetch_singly(self, keys: Sequence[str]) -> list[Row]:
        """The documents of these names, each asked for by itself: a list leaves out what the user may not see."""
        return self._parts().traces.singly(keys)

    def deletions(self, cursor: str | None, *, overlap: float) -> list[Deletion]:
        """What the site lists as deleted since `cursor` less `overlap` seconds, where the user may read that."""
        return self._parts().traces.deletions(cursor, overlap)

    def find(self, partners: Sequence[str]) -> list[Row]:
        """The documents that carry these external ids; none where the mapping has no `external_id`."""
        return self._parts().lookup.by_external_id(partners)

    def amendments(self, names: Sequence[str]) -> dict[str, Row]:
        """For each of these names that was amended: the newest document of its chain, those not cancelled first."""
        parts = self._parts()
        newest = parts.chains.newest(names)
        rows = {row.key: row for row in parts.lookup.by_name(list(newest.values()))}
        return {name: rows[key] for name, key in newest.items() if key in rows}

    def create(self, writes: Sequence[Write], operation: str) -> list[WriteResult]:
        """Insert all documents or none, in one `insert_many`; exactly once where the site has `Syncd Operation`."""
        return self._parts().creator.create(writes, operation)

    def created(
        self, writes: Sequence[Write], operation: str, *, sent: datetime | None = None
    ) -> list[Row | None] | None:
        """What became of a creation. None: it was not done, and an attempt that comes late is refused.

        An operation that was answered with None must not be sent again: decide anew, under another key.
        """
        return self._parts().creator.created(writes, operation, sent)

    def apply(self, writes: Sequence[Write]) -> Iterator[tuple[int, WriteResult]]:
        """Update, link, submit, cancel, amend, delete and disable documents, each under the condition of its stamp."""
        return self._parts().writer.apply(writes)

    def close(self) -> None:
        """Nothing to give back: the connections are the client's."""

    def _parts(self) -> _Parts:
        if self._made is None:
            self._made = self._make()
        return self._made

    def _make(self) -> _Parts:
        spec, schema = self._spec, self.schema()
        halt_unless_known(self._client, spec, schema)
        zone = ZoneInfo(self._client.zone())
        # A mapping that writes nothing into ERPNext does without the field where the site lacks it.
        external_id = spec.external_id if spec.external_id in schema.fields else None
        place = f"{self._client.base_url} {spec.doctype}"
        tables = table_shapes(spec, schema, place)
        shape = RowShape(schema, self._layout, external_id, place=place, user=self._client.user, tables=tables)
        children = ChildReader(self._client, spec.doctype, tables, where=spec.file)
        lookup = Lookup(self._client, spec.doctype, shape, external_id, children)
        filters = _filters(spec, zone)
        barred = Barred(self._client, spec.doctype)
        return _Parts(
            feed=Feed(self._client, spec.doctype, shape, filters, children, page_size=self._page_size, where=spec.file),
            lookup=lookup,
            creator=Creator(self._client, spec, schema, self._layout, lookup, barred, tables, run=self._run),
            writer=Writer(self._client, spec, schema, self._layout, shape, lookup, barred, run=self._run),
            chains=Chains(self._client, schema),
            traces=Traces(self._client, spec.doctype, shape),
        )


def _filters(spec: MappingSpec, zone: ZoneInfo) -> list[list[Any]]:
    return [
        [
            [to_json(part, zone) for part in member] if isinstance(member, tuple) else to_json(member, zone)
            for member in entry
        ]
        for entry in spec.erpnext_filters
    ]
