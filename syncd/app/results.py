"""What the application answers: results of runs, plans, checks, and the status of mappings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from syncd.core.model import Action, Counts, FieldChange, Side
from syncd.core.plan_file import PlannedRecord
from syncd.errors import ExitCode


class Result(Enum):
    """How a run ended, in the contract's words."""

    IN_SYNC = "in_sync"
    ATTENTION = "attention"
    HALTED = "halted"
    FAILED = "failed"


@dataclass(slots=True, kw_only=True)
class RunResult:
    """One run over one or more mappings. Times are aware, in UTC."""

    run: str
    started: datetime
    finished: datetime
    result: Result
    exit_code: ExitCode
    mappings: dict[str, Counts]
    report: str = ""
    """Path of RUN.json; empty where nothing was done or met."""
    html: str = ""

    @property
    def writes(self) -> int:
        """Records written on either side."""
        return sum(
            sum(c.created.values()) + sum(c.updated.values()) + sum(c.deleted.values()) + c.linked
            for c in self.mappings.values()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedOperation:
    """One record's write as `plan` shows it: + create, ~ update, - delete, = link (ids only), and the transitions of
    documents. A record that is still to be made has no key on its side."""

    mapping: str
    side: Side
    action: Action
    external_id: str | None
    erpnext_name: str | None
    changes: tuple[FieldChange, ...]
    docstatus: int = 0
    """What a creation or an amendment makes: a draft (0) or a submitted document (1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedHold:
    """One record that a run would hold or fail: kind is a conflict's kind, or `failed`."""

    mapping: str
    kind: str
    external_id: str | None
    erpnext_name: str | None
    text: str


@dataclass(slots=True, kw_only=True)
class PlanResult:
    """What a run would do. `halts` maps a mapping to the guard's words."""

    operations: list[PlannedOperation] = field(default_factory=list)
    records: list[PlannedRecord] = field(default_factory=list)
    """The same, record by record, as a plan's file holds it."""
    holds: list[PlannedHold] = field(default_factory=list)
    unmatched: dict[str, int] = field(default_factory=dict)
    adopted: dict[str, int] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    """Pairs that would end without a write: their partner is gone for good."""
    disagreements: dict[str, tuple[int, Sequence[Mapping[str, Any]]]] = field(default_factory=dict)
    """By mapping: how many agreed pairs differ (`Counts.disagree`), and some of what differs."""
    halts: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    exit_code: ExitCode = ExitCode.OK

    @property
    def changes(self) -> bool:
        """Whether a run would write anything."""
        return bool(self.operations)


class Severity(Enum):
    """How bad a finding of `check` is. An ERROR means that a run would fail: exit 2 (5 where it cannot be reached).

    A WARNING means that records may be refused, or that something ought to be looked at; a NOTE is worth knowing.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"
    OK = "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of `syncd check`. `where` is the file and key, or the place; `hint` the next step."""

    severity: Severity
    mapping: str
    where: str
    message: str
    hint: str = ""
    unreachable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionStep:
    """One thing the site needs.

    `state`: present | missing | wrong | unfit | made | corrected | removed | kept | refused.
    """

    site: str
    what: str
    why: str
    state: str
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NeededRight:
    """What mappings need of one DocType at one permission level. Rights are the site's words, in its order.

    `state`: granted | lacking | unknown (the user's roles may not be read).
    """

    site: str
    doctype: str
    level: int
    rights: tuple[str, ...]
    mappings: tuple[str, ...]
    lacking: tuple[str, ...]
    roles: tuple[str, ...]
    """Roles of the site that give all of them."""
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingStatus:
    """One line of `syncd status`."""

    mapping: str
    enabled: bool
    last_run: datetime | None
    last_result: str
    last_full: datetime | None
    next_run: datetime | None
    lag: float | None
    """Seconds since the last run that observed both sides whole."""
    pairs: int
    held: int
    failed: int
    unmatched: int
    ended: int
    halt: str = ""


def worst(codes: Sequence[ExitCode]) -> ExitCode:
    """The exit code of several: the first of 1, 130, 4, 5, 6, 3, 10, 0 that applies (contract, "Commands").

    2 outranks what a run can say: nothing was run.
    """
    order = (
        ExitCode.DEFECT,
        ExitCode.USAGE,
        ExitCode.INTERRUPTED,
        ExitCode.HALTED,
        ExitCode.UNREACHABLE,
        ExitCode.LEASE_HELD,
        ExitCode.ATTENTION,
        ExitCode.CHANGES,
    )
    return next((code for code in order if code in codes), ExitCode.OK)
