"""The nouns of syncd, as frozen values.

Words are the contract's. A *record* is what one side holds for one thing; a *pair* ties an ERPNext `name` to an
external id; a *baseline* is what one side looked like when the pair was last in agreement. Values of a side are kept
*raw*, exactly as that side answered them, in the order of the mapping's fields of that side, so that an unchanged row
is recognised without converting anything; `syncd.core.values` brings raw values to their canonical form where two are
compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any, NamedTuple, TypeAlias


class TableRow(NamedTuple):
    """One row of a child table.

    `name` is ERPNext's row name, or in the source the row's key (its position where the mapping names no key); None for
    a row that is to be made. `values` are in the order of `table_layout`.
    """

    name: str | None
    values: tuple[Raw, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one child table, in their order: what an image holds in the table's place.

    `ties` stand in baselines only: (ERPNext's row name, the source's row key) of the rows that belong together. They
    do not count when rows are compared.
    """

    rows: tuple[TableRow, ...] = ()
    ties: tuple[tuple[str, str], ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands for a value that could not be made, and says why: an expression that fails on this row."""

    reason: str


Raw: TypeAlias = (
    bool | int | float | str | bytes | Decimal | datetime | date | time | timedelta | Rows | Unreadable | None
)
"""A value as one side gave it. Every kind survives `values.encode_image` / `decode_image` unchanged."""

Image: TypeAlias = tuple[Raw, ...]
"""The raw values of one side's mapped fields, in the order of `CompiledMapping.erpnext_fields` / `.source_fields`."""


class Missing(Enum):
    """Stands in a baseline for a field that was not mapped when the pair last agreed."""

    MISSING = "missing"


Baseline: TypeAlias = tuple[Raw | Missing, ...]
"""An image as it was at the last agreement, in the order of the fields that are mapped now."""


class Side(Enum):
    """The two sides of every mapping."""

    ERPNEXT = "erpnext"
    SOURCE = "source"

    @property
    def other(self) -> Side:
        """The side across."""
        return Side.SOURCE if self is Side.ERPNEXT else Side.ERPNEXT


class Direction(Enum):
    """Where values flow."""

    BOTH = "both"
    TO_ERPNEXT = "to_erpnext"
    TO_SOURCE = "to_source"

    def reaches(self, side: Side) -> bool:
        """Whether values may flow *to* `side`."""
        return self is Direction.BOTH or (self is Direction.TO_ERPNEXT) == (side is Side.ERPNEXT)


class Wins(Enum):
    """Who decides when both sides changed one field differently."""

    MANUAL = "manual"
    ERPNEXT = "erpnext"
    SOURCE = "source"
    NEWEST = "newest"


class PairState(IntEnum):
    """Where a pair stands in its life (design.md, "Life of a pair")."""

    AGREED = 0
    HELD = 1
    FAILED = 2
    PAUSED = 3
    ENDED = 4
    UNFINISHED = 5


OPEN_STATES = frozenset({PairState.HELD, PairState.FAILED, PairState.UNFINISHED})
"""A pair in one of these is looked at in every run, whether or not its rows moved."""


class Action(Enum):
    """What an operation does on its side."""

    CREATE = "create"
    UPDATE = "update"
    LINK = "link"
    DELETE = "delete"
    DISABLE = "disable"
    MARK = "mark"
    SUBMIT = "submit"
    """Submit a draft, with the merged fields in the same request."""
    CANCEL = "cancel"
    AMEND = "amend"
    """Cancel the document if it is submitted, and submit a new one in its place that carries the merged fields."""

    @property
    def removes(self) -> bool:
        """Whether the record is gone, or out of use, afterwards: guards count these as deletions."""
        return self in {Action.DELETE, Action.DISABLE, Action.MARK, Action.CANCEL}

    @property
    def ends(self) -> bool:
        """Whether the pair ends with it: a cancelled document stays paired, it may be amended."""
        return self in {Action.DELETE, Action.DISABLE, Action.MARK}


class Row(NamedTuple):
    """One record as read from one side, in a page of a feed.

    A NamedTuple, not a dataclass: a first contact makes millions, and tuples are what the store's bulk calls take.
    """

    key: str
    """ERPNext `name`, or the external id: its parts percent-encoded and joined by `/`."""
    stamp: Raw
    """Version of the record exactly as read (`modified` / the modified column); None where the source has none."""
    values: Image
    partner: str | None = None
    """What the record itself says of its partner: the external-id field in ERPNext, `erpnext_name` in the source."""
    creation: str | None = None
    """ERPNext's `creation`: tells a document from a later one that reuses its name. None in sources."""
    editor: str | None = None
    """ERPNext's `modified_by`. None in sources."""
    deleted: bool = False
    """Soft-deleted in the source."""
    docstatus: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A stored tie. `erpnext` and `source` are the baselines; `*_seen` the digest last read, agreed or not."""

    id: int
    erpnext_name: str | None
    external_id: str | None
    state: PairState
    creation: str | None
    erpnext_stamp: Raw
    source_stamp: Raw
    erpnext: Baseline | None
    source: Baseline | None
    linked_erpnext: bool = False
    """The external id stands in the document."""
    linked_source: bool = False
    """The ERPNext name stands in the source's row."""
    renumbered: bool = False
    """The document carries the id that its row had before; never stored."""
    docstatus: int = 0
    differs: tuple[str, ...] = ()
    """What of the baselines differs on both sides by right (`core.agreement`)."""

    def baseline(self, side: Side) -> Baseline | None:
        """What `side` looked like at the last agreement; None before the first."""
        return self.erpnext if side is Side.ERPNEXT else self.source

    def key(self, side: Side) -> str | None:
        """The record's key on `side`."""
        return self.erpnext_name if side is Side.ERPNEXT else self.external_id

    def stamp(self, side: Side) -> Raw:
        """The version of the record on `side` as last read."""
        return self.erpnext_stamp if side is Side.ERPNEXT else self.source_stamp


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field of one operation, for people and reports: canonical values as text-able objects."""

    field: str
    old: object
    new: object
    decided: bool = False
    """Both sides had changed it, and a policy said which one stays: `old` is what was overwritten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldConflict:
    """One field that both sides hold differently and nobody may decide but a person."""

    field: str
    base: object
    erpnext: object
    source: object
    reason: str = ""
    outcomes: tuple[str, str] = ("", "")
    """For the state of a document: what taking (ERPNext's, the source's) side does to it, in words."""


class Write(NamedTuple):
    """One record's write on one side, decided but not sent. A NamedTuple, as a first contact makes millions.

    `values` maps the side's own field names to values ready for that side (`CompiledMapping` has converted them).
    `expected` is the image the decision was made on, and `stamp` its version: the write must do nothing if either
    moved. For CREATE both are None.
    """

    action: Action
    side: Side
    key: str | None
    """The record's key on `side`; None for CREATE."""
    partner: str | None
    """The key on the other side: what goes into `external_id` / `erpnext_name`, where `link` is set."""
    values: Mapping[str, Raw]
    stamp: Raw = None
    expected: Image | None = None
    link: bool = False
    """Also write `partner` into the record's own id field."""
    changes: tuple[FieldChange, ...] = ()
    """Old and new for people; a CREATE leaves them out, they follow from its values."""
    pair: int | None = None
    """The pair's id in the state store, where there is one."""
    docstatus: int = 0
    """Where a CREATE, SUBMIT, CANCEL or AMEND leaves the document: draft (0), submitted (1), cancelled (2)."""
    forced: bool = False
    """A person decided: a document is cancelled although others refer to it."""


@dataclass(slots=True, kw_only=True)
class Counts:
    """The numbers of one mapping in one run (the contract's `syncd reconcile --json`); counted up while it runs."""

    seen: dict[str, int] = field(default_factory=lambda: {"erpnext": 0, "source": 0})
    adopted: int = 0
    created: dict[str, int] = field(default_factory=lambda: {"erpnext": 0, "source": 0})
    updated: dict[str, int] = field(default_factory=lambda: {"erpnext": 0, "source": 0})
    deleted: dict[str, int] = field(default_factory=lambda: {"erpnext": 0, "source": 0})
    submitted: int = 0
    cancelled: int = 0
    amended: int = 0
    linked: int = 0
    unmatched: int = 0
    conflicts: int = 0
    held: int = 0
    failed: int = 0
    ended: int = 0
    disagree: int = 0
    requests: dict[str, int] = field(default_factory=lambda: {"erpnext": 0, "source": 0})
    halt: dict[str, str] | None = None
    error: dict[str, str] | None = None
    plan: dict[str, Any] | None = None
    """Of a run by a plan: {planned, refused, left, records: [{external_id, erpnext_name, text}]}."""
    disagreements: list[dict[str, Any]] = field(default_factory=list)
    """Some of what `disagree` counts: {external_id, erpnext_name, field, erpnext, source}."""

    @property
    def attention(self) -> bool:
        """Whether anything waits for somebody."""
        refused = self.plan is not None and self.plan["refused"]
        return bool(self.held or self.failed or self.disagree or refused)
