"""The ERPNext side of one mapping: `Endpoint` for one DocType."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from syncd.adapters.erpnext.client import SiteClient
from syncd.adapters.erpnext.creator import LARGEST_BATCH, Creator
from syncd.adapters.erpnext.feed import Feed
from syncd.adapters.erpnext.lookup import Lookup
from syncd.adapters.erpnext.meta import forget_doctype, load_schema
from syncd.adapters.erpnext.operations import forget_operations, has_operations
from syncd.adapters.erpnext.wire import RowShape, to_json
from syncd.adapters.erpnext.writer import Writer
from syncd.core.mapping import MappingSpec, layout
from syncd.core.model import Row, Side, Write
from syncd.errors import HaltError
from syncd.ports.endpoint import Capabilities, Page, Schema, WriteResult


@dataclass(frozen=True, slots=True)
class _Parts:
    """What needs the DocType's metadata, made on first use."""

    feed: Feed
    lookup: Lookup
    creator: Creator
    writer: Writer


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
        forget_doctype(client, spec.doctype)
        forget_operations(client)

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
            keyed_creation=has_operations(self._client),
            editor=self._client.user(),
            create_batch=LARGEST_BATCH,
            update_batch=100,
            seen_by=f"{self._client.base_url} {self._spec.doctype}",
        )

    def schema(self) -> Schema:
        """The DocType's fields. Raises `HaltError` (guard `schema`) when the site has no such DocType."""
        if self._schema is None:
            self._schema = load_schema(self._client, self._spec.doctype)
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

    def find(self, partners: Sequence[str]) -> list[Row]:
        """The documents that carry these external ids; none where the mapping has no `external_id`."""
        return self._parts().lookup.by_external_id(partners)

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
        """Update, link, delete and disable documents, each under the condition of its stamp."""
        return self._parts().writer.apply(writes)

    def close(self) -> None:
        """Nothing to give back: the connections are the client's."""

    def _parts(self) -> _Parts:
        if self._made is None:
            self._made = self._make()
        return self._made

    def _make(self) -> _Parts:
        spec, schema = self._spec, self.schema()
        self._known(schema)
        zone = ZoneInfo(self._client.zone())
        # A mapping that writes nothing into ERPNext does without the field where the site lacks it.
        external_id = spec.external_id if spec.external_id in schema.fields else None
        shape = RowShape(
            schema,
            self._layout,
            external_id,
            place=f"{self._client.base_url} {spec.doctype}",
            user=self._client.user,
        )
        lookup = Lookup(self._client, spec.doctype, shape, external_id)
        feed = Feed(self._client, spec.doctype, shape, _filters(spec, zone), page_size=self._page_size, where=spec.file)
        return _Parts(
            feed=feed,
            lookup=lookup,
            creator=Creator(self._client, spec, schema, self._layout, lookup, run=self._run),
            writer=Writer(self._client, spec, schema, self._layout, shape, lookup),
        )

    def _known(self, schema: Schema) -> None:
        """One unknown field would fail every query; said here with file and key."""
        for name in self._layout:
            if name not in schema.fields:
                raise HaltError(
                    "schema",
                    f"{self._spec.file}: fields.{name}: no such field in {self._spec.doctype}",
                    hint="run syncd check for the nearest names",
                )
        wanted = self._spec.external_id
        if wanted is not None and wanted not in schema.fields and self._spec.direction.reaches(Side.ERPNEXT):
            raise HaltError(
                "schema",
                f"{self._spec.file}: erpnext.external_id: no field {wanted} in {self._spec.doctype} on "
                f"{self._client.base_url}",
                hint="run syncd provision --apply: it makes the field",
            )


def _filters(spec: MappingSpec, zone: ZoneInfo) -> list[list[Any]]:
    return [
        [
            [to_json(part, zone) for part in member] if isinstance(member, tuple) else to_json(member, zone)
            for member in entry
        ]
        for entry in spec.erpnext_filters
    ]
