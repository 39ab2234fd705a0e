"""Computed columns: an endpoint of a source whose rows hold what the expressions of the mapping make of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from syncd.core.compute import Expression
from syncd.core.mapping import layout
from syncd.core.model import Raw, Row, Write
from syncd.core.spec import COMPUTED, MappingSpec
from syncd.core.values import FieldType, Kind
from syncd.ports.endpoint import Capabilities, Deletion, Done, Endpoint, FieldInfo, Page, Schema, WriteResult


@dataclass(frozen=True, slots=True)
class _Column:
    """One computed column: its virtual name, its expression and where the expression's inputs stand in a row."""

    name: str
    expression: Expression
    places: tuple[tuple[str, int], ...]


def with_computed(spec: MappingSpec, source: Endpoint) -> Endpoint:
    """The source's endpoint with the mapping's computed columns; the endpoint itself where the mapping has none."""
    return ComputingEndpoint(spec, source) if any(entry.compute is not None for entry in spec.fields) else source


class ComputingEndpoint:
    """The endpoint of a source, with computed columns at the end of its rows' values.

    `inner` reads the layout of the source without them: `core.mapping.columns` and the tables. They stand in the order
    of the layout; a row on which an expression fails holds `Unreadable` there. Nothing is ever written to them, and no
    condition of a write names them: they follow from columns that stand in it.
    """

    def __init__(self, spec: MappingSpec, inner: Endpoint) -> None:
        self._inner = inner
        self._zone = ZoneInfo(spec.timezone)
        names = layout(spec)[1]
        read = [name for name in names if not name.startswith(COMPUTED)]
        places = {name: at for at, name in enumerate(read)}
        texts = {entry.source: entry.compute for entry in spec.fields if entry.compute is not None}
        self._columns = tuple(_column(name, texts[name], places) for name in names if name in texts)
        self._read = len(read)
        self._types: dict[str, FieldType] | None = None

    @property
    def requests(self) -> int:
        """Requests that the inner endpoint sent so far."""
        return self._inner.requests

    def capabilities(self) -> Capabilities:
        """Those of the inner endpoint."""
        return self._inner.capabilities()

    def keyed_creation(self) -> bool:
        """As the source's own."""
        return self._inner.keyed_creation()

    def schema(self) -> Schema:
        """The inner endpoint's, with a field for each computed column: text of any length, never written."""
        schema = self._inner.schema()
        virtual = {
            column.name: FieldInfo(
                name=column.name,
                type=FieldType(kind=Kind.TEXT, name="computed"),
                label=column.expression.text,
                read_only=True,
                writable=False,
            )
            for column in self._columns
        }
        return replace(schema, fields={**schema.fields, **virtual})

    def changes(self, cursor: str | None, *, overlap: float) -> Iterator[Page]:
        """See `Endpoint`."""
        return (self._page(page) for page in self._inner.changes(cursor, overlap=overlap))

    def scan(self) -> Iterator[Page]:
        """See `Endpoint`."""
        return (self._page(page) for page in self._inner.scan())

    def fetch(self, keys: Sequence[str]) -> list[Row]:
        """See `Endpoint`."""
        return [self._row(row) for row in self._inner.fetch(keys)]

    def fetch_singly(self, keys: Sequence[str]) -> list[Row]:
        """See `Endpoint`."""
        return [self._row(row) for row in self._inner.fetch_singly(keys)]

    def deletions(self, cursor: str | None, *, overlap: float) -> Sequence[Deletion]:
        """See `Endpoint`."""
        return self._inner.deletions(cursor, overlap=overlap)

    def find(self, partners: Sequence[str]) -> list[Row]:
        """See `Endpoint`."""
        return [self._row(row) for row in self._inner.find(partners)]

    def amendments(self, names: Sequence[str]) -> Mapping[str, Row]:
        """See `Endpoint`: a source has none."""
        return self._inner.amendments(names)

    def create(self, writes: Sequence[Write], operation: str) -> list[WriteResult]:
        """See `Endpoint`."""
        return [
            self._result(result) for result in self._inner.create([self._write(each) for each in writes], operation)
        ]

    def created(
        self, writes: Sequence[Write], operation: str, *, sent: datetime | None = None
    ) -> list[Row | None] | None:
        """See `Endpoint`."""
        made = self._inner.created([self._write(each) for each in writes], operation, sent=sent)
        return None if made is None else [None if row is None else self._row(row) for row in made]

    def apply(self, writes: Sequence[Write]) -> Iterable[tuple[int, WriteResult]]:
        """See `Endpoint`."""
        done = self._inner.apply([self._write(each) for each in writes])
        return ((index, self._result(result)) for index, result in done)

    def close(self) -> None:
        """Give back the inner endpoint's connections."""
        self._inner.close()

    def _page(self, page: Page) -> Page:
        return replace(page, rows=[self._row(row) for row in page.rows])

    def _row(self, row: Row) -> Row:
        if len(row.values) < self._read:  # of a deleted record a side may tell nothing
            return row
        types = self._input_types()
        made: list[Raw] = [
            column.expression.evaluate({name: row.values[at] for name, at in column.places}, types)
            for column in self._columns
        ]
        return row._replace(values=(*row.values, *made))

    def _result(self, result: WriteResult) -> WriteResult:
        return replace(result, row=self._row(result.row)) if isinstance(result, Done) else result

    def _write(self, write: Write) -> Write:
        return write if write.expected is None else write._replace(expected=write.expected[: self._read])

    def _input_types(self) -> Mapping[str, FieldType]:
        """The types of the columns that expressions name; stamps without a zone are in the mapping's `timezone`."""
        if self._types is None:
            fields = self._inner.schema().fields
            inputs = {name for column in self._columns for name in column.expression.inputs if name in fields}
            self._types = {name: _zoned(fields[name].type, self._zone) for name in inputs}
        return self._types


def _column(name: str, text: str, places: Mapping[str, int]) -> _Column:
    expression = Expression(text)
    return _Column(name, expression, tuple((each, places[each]) for each in expression.inputs))


def _zoned(held: FieldType, zone: ZoneInfo) -> FieldType:
    return replace(held, zone=zone) if held.kind is Kind.DATETIME and held.zone is None else held
