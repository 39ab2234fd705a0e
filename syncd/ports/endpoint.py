"""The endpoint port: what the application asks of one side of a mapping; capabilities as data.

Both sides of a mapping stand behind the same `Endpoint`, bound to one entity (a DocType, a table) and to the fields
the mapping names; nothing of httpx or SQLAlchemy crosses. Errors are those of `syncd.errors`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from syncd.core.model import Image, Raw, Row, Side, Write
from syncd.core.values import FieldType
from syncd.errors import RecordError


class Clock(Protocol):
    """Time as an argument."""

    def now(self) -> datetime:
        """The present, aware, in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait; returns early, by raising `Interrupted` of the application, when the run is asked to stop."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldInfo:
    """One field (column) as its side describes it."""

    name: str
    type: FieldType
    label: str = ""
    required: bool = False
    has_default: bool = False
    read_only: bool = False
    unique: bool = False
    indexed: bool = False
    set_only_once: bool = False
    permlevel: int = 0
    allow_on_submit: bool = False
    writable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """One entity as its side describes it. `fields` keeps the side's order."""

    entity: str
    fields: Mapping[str, FieldInfo]
    key: tuple[str, ...] = ()
    submittable: bool = False
    autoname: str = ""
    tables: Mapping[str, Schema] = field(default_factory=dict)
    """The child tables that the mapping names, by their fieldname in ERPNext, on both sides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What one endpoint can do, as data: the application plans by it."""

    side: Side
    zone: str
    """IANA zone of naive stamps."""
    incremental: bool
    """`changes` can ask for what moved since a stamp; else every pass reads all."""
    editor: str | None = None
    """The name under which this endpoint's own writes appear (`modified_by`); None where rows do not tell."""
    create_batch: int = 199
    update_batch: int = 100
    seen_by: str = ""
    """A person's words for the place: `https://erp.example.com Customer`, `shop customers`."""


class RowProblem(NamedTuple):
    """A record whose id cannot stand for it (NULL, empty, too long, the same as another's but for case).

    It is in no page's `rows`, and it is not absent either: `key` counts as seen. `key` is the id as far as it can be
    written.
    """

    key: str
    reason: str


class Deletion(NamedTuple):
    """One entry of a side's own list of deletions. `stamp`: when, as the side writes it. A hint, never a proof."""

    key: str
    stamp: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a feed. `cursor` is where the feed stands after it: opaque text that `changes` takes."""

    rows: list[Row]
    cursor: str
    problems: tuple[RowProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """The write was done; `row` is the record as it is now, brought back as exactly as the side tells."""

    row: Row
    missed: tuple[str, ...] = ()
    """Fields of a CREATE that the side silently did not take (no right at their permission level): the record is
    there, without them. An UPDATE of such a field is `Failed` with code `NotTaken`."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The write was not done, or nobody knows: `error` says which."""

    error: RecordError


WriteResult = Done | Failed


class Endpoint(Protocol):
    """One entity of one side, bound to a mapping's fields.

    Rows carry `values` in the order of the mapping's layout of this side (`core.mapping.layout`), a child table as one
    value: `model.Rows`. A write gives a table as the `Rows` that it is to hold, whole and in order: rows with a name
    are those that stand there, rows without are made, and rows that are left out are removed. Reads retry what is safe
    and raise `UnreachableError`/`AccessError` in the end: a page that fails fails the feed, it never shortens it.
    """

    @property
    def requests(self) -> int:
        """Requests (HTTP calls, SQL statements) sent so far."""
        ...

    def capabilities(self) -> Capabilities:
        """What this endpoint can do; asks the other side on first use and remembers."""
        ...

    def keyed_creation(self) -> bool:
        """Whether creation is exactly-once by an operation key (`Syncd Operation`, or the source's `erpnext_name`)."""
        ...

    def schema(self) -> Schema:
        """The entity's fields as its side describes them; remembered."""
        ...

    def changes(self, cursor: str | None, *, overlap: float) -> Iterator[Page]:
        """Records changed since `cursor` (None: all), oldest first, looking back `overlap` seconds before it."""
        ...

    def scan(self) -> Iterator[Page]:
        """Every record, in an order that edits and renames during the pass do not disturb."""
        ...

    def fetch(self, keys: Sequence[str]) -> list[Row]:
        """The records with these keys, whatever the filters say; those that are not there are left out."""
        ...

    def fetch_singly(self, keys: Sequence[str]) -> list[Row]:
        """As `fetch`, where what is left out is certainly not there: before it is taken for deleted.

        Raises `HaltError` (guard `lost_right`) for a record that is there and may not be read.
        """
        ...

    def deletions(self, cursor: str | None, *, overlap: float) -> Sequence[Deletion]:
        """What the side's own list says was deleted since `cursor`, looking back `overlap` seconds before it.

        Only a hint for what to ask for. Empty where there is no such list, or it may not be read.
        """
        ...

    def find(self, partners: Sequence[str]) -> list[Row]:
        """The records that name these partners (external id in ERPNext, `erpnext_name` in the source)."""
        ...

    def amendments(self, names: Sequence[str]) -> Mapping[str, Row]:
        """For each of these documents that was amended: the newest one of its chain. A source has none."""
        ...

    def create(self, writes: Sequence[Write], operation: str) -> list[WriteResult]:
        """Create all of `writes` or none, under one operation key; one result a write, in order.

        Sending the same operation again is harmless where `keyed_creation` says so. All results are `Failed` with
        one error when the batch was refused (the caller splits) or its outcome is unknown.
        """
        ...

    def created(
        self, writes: Sequence[Write], operation: str, *, sent: datetime | None = None
    ) -> list[Row | None] | None:
        """What became of `create` with this operation: the rows it made in order, or None when it was not done.

        None also means that it never will be: a late attempt comes to nothing, and the operation is not sent again.

        `sent` is when it was journalled (aware): without an operation key a creation that is not found may still be
        under way for a while. Raises `UnknownOutcomeError` where that cannot be told yet.
        """
        ...

    def apply(self, writes: Sequence[Write]) -> Iterable[tuple[int, WriteResult]]:
        """Everything but CREATE: each by itself, yielded as (index, result) as they come in.

        Each does nothing when its record is not as `stamp` and `expected` say (`StaleError`). SUBMIT, CANCEL and AMEND
        are ERPNext's alone. AMEND is safe to send again: a document that is cancelled already is amended from where it
        stands, and an amendment that is there already is taken. Its row is the new document's. What only a person can
        decide (other submitted documents refer to it, the submission is refused) is a `HeldError`.
        """
        ...

    def close(self) -> None:
        """Give back connections."""
        ...


ProgressReport = Callable[[str, int, int | None], None]
"""(what, done, total): called as long work goes on; total is None where nobody knows."""


__all__ = [
    "Capabilities",
    "Clock",
    "Deletion",
    "Done",
    "Endpoint",
    "Failed",
    "FieldInfo",
    "Image",
    "Page",
    "ProgressReport",
    "Raw",
    "RowProblem",
    "Schema",
    "WriteResult",
]
