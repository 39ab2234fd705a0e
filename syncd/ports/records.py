"""What crosses the state-store port: plain data, told apart from the store's own rows.

Staged rows are what a feed showed and no pair agrees with yet. Two kinds live in one table: rows of a pair (`pair` is
set; they go when the pair is settled) and rows without a partner (they stay after the run, so that a partner that
appears later is matched against them without asking the other side again).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, IntEnum
from typing import NamedTuple

from syncd.core.model import Action, Pair, PairState, Raw, Side


class StagedState(IntEnum):
    """Where a staged row without a partner stands."""

    NEW = 0
    """Not decided on yet in its present form."""
    UNMATCHED = 1
    """Has no partner and may not get one."""
    HELD = 2
    """Waits for a person (an ambiguous match)."""
    FAILED = 3
    """Its creation was refused; retried as the failure allows."""
    UNFINISHED = 4
    """Its creation was sent and nobody knows yet whether it was done."""
    OUT = 5
    """Of a pair: the record is there, but no longer fits the mapping's filters."""


class Known(NamedTuple):
    """What the store knows of one key of one side: enough to drop an unchanged row."""

    pair: int | None
    staged: int | None
    pair_state: PairState | None
    staged_state: StagedState | None
    stamp: Raw
    digest: bytes | None
    creation: str | None
    key: str
    """The key that the pair carries now; differs from the one asked for when it was found by `partner`."""
    partner: str | None = None
    """The partner's key, where the record was seen to carry it; of pairs only."""


class Staged(NamedTuple):
    """One staged row. `image` and `digest` are of `values.encode_image`; `id` is 0 before it is stored."""

    id: int
    side: Side
    key: str
    pair: int | None
    state: StagedState
    stamp: Raw
    image: bytes
    digest: bytes
    partner: str | None
    creation: str | None
    editor: str | None
    deleted: bool
    docstatus: int
    match: tuple[bytes | None, ...] = ()
    """A digest for each match rule; None where the rule does not apply to this row."""


class Work(NamedTuple):
    """One pair to decide on, with what was staged of either side."""

    pair: Pair
    layout: int
    erpnext: Staged | None
    source: Staged | None


class NewPair(NamedTuple):
    """A pair to store. Images are encoded baselines; None where the pair is tied but not agreed yet."""

    erpnext_name: str | None
    external_id: str | None
    state: PairState
    creation: str | None
    erpnext_stamp: Raw
    source_stamp: Raw
    erpnext_seen: bytes | None
    source_seen: bytes | None
    erpnext_image: bytes | None
    source_image: bytes | None
    linked_erpnext: bool
    linked_source: bool
    docstatus: int
    differs: tuple[str, ...] = ()
    """What of the baselines differs on both sides by right (`core.agreement`)."""


class AgreedPair(NamedTuple):
    """A pair that counts as agreed, as it is stored: what the audit looks at."""

    id: int
    external_id: str | None
    erpnext_name: str | None
    erpnext_seen: bytes | None
    source_seen: bytes | None
    erpnext_image: bytes
    source_image: bytes
    differs: tuple[str, ...]


class PairChange(NamedTuple):
    """The new content of a pair: the whole row, by id."""

    id: int
    content: NewPair


class Match(NamedTuple):
    """Two staged rows that a rule (index into the mapping's `match.by`) brings together.

    Rule -1 is the external id in ERPNext or the ERPNext name in the source.
    """

    rule: int
    erpnext: int
    source: int


class OperationState(Enum):
    """Where a journalled operation stands. OPEN ones are resolved before anything else at the next run."""

    OPEN = "open"
    DONE = "done"
    REFUSED = "refused"
    ABANDONED = "abandoned"
    """Found not done after an unclean end; what it was to do is decided anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One row of the journal, written before anything is sent.

    `records` holds one entry for each record, as JSON-able objects in the journal's own shape (see
    `syncd.core.journal`), enough to find out afterwards what was done and to say so in a report.
    """

    key: str
    """Unique, at most 140 characters: it is the name of the `Syncd Operation` too."""
    mapping: str
    run: str
    side: Side
    action: Action
    records: bytes
    count: int
    results: bytes = b""
    """What became of each record (`syncd.core.journal`); empty while nobody knows."""
    state: OperationState = OperationState.OPEN
    sent: datetime | None = None
    finished: datetime | None = None
    request_id: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictRecord:
    """One held record. `fields` is a JSON list of {field, base, erpnext, source, reason}.

    `kind`: fields (both sides changed them), match (several candidates), deleted (deleted here, edited there), refused,
    partner (the id of its partner was changed by hand), link (what it links to is held), transition (the state of a
    document has to be decided on).
    """

    id: int = 0
    mapping: str
    kind: str
    external_id: str | None
    erpnext_name: str | None
    pair: int | None
    fields: bytes
    erpnext_stamp: Raw = None
    source_stamp: Raw = None
    editor: str | None = None
    text: str = ""
    opened: datetime | None = None
    run: str = ""
    resolution: bytes | None = None
    """What a person decided, as JSON; carried out by the next run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRecord:
    """One record whose write was refused or broken."""

    id: int = 0
    mapping: str
    side: Side
    external_id: str | None
    erpnext_name: str | None
    action: Action
    permanent: bool
    """Parked: not sent again until the record or the mapping changes, or a person asks for it."""
    error: str
    hint: str = ""
    payload: bytes = b"{}"
    digest: bytes | None = None
    """Of the record that failed: another digest means that it changed, and is tried again."""
    ignored: bool = False
    """A person leaves it so: parked, and counted nowhere until the record changes."""
    attempts: int = 1
    first: datetime | None = None
    last: datetime | None = None
    run: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One line of the run table. `counts` is the JSON of the mappings' counts."""

    id: str
    started: datetime
    finished: datetime | None = None
    result: str = ""
    mappings: tuple[str, ...] = ()
    counts: bytes = b"{}"
    report: str = ""
    """Path of RUN.json; empty where a pass found nothing."""
    full: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingState:
    """What is kept of one mapping between runs."""

    mapping: str
    erpnext_cursor: str | None = None
    source_cursor: str | None = None
    layout: int = 0
    erpnext_fields: tuple[str, ...] = ()
    source_fields: tuple[str, ...] = ()
    fingerprint: str = ""
    """Of the mapping's content: another one asks for a full pass."""
    last_run: datetime | None = None
    last_full: datetime | None = None
    halt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingTotals:
    """Numbers for `status`."""

    pairs: int
    held: int
    failed: int
    conflicts: int
    unmatched: int
    ended: int
    staged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The fields that images of one layout number hold, in order."""

    number: int
    erpnext_fields: tuple[str, ...] = field(default=())
    source_fields: tuple[str, ...] = field(default=())
