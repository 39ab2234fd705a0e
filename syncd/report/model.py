"""What a report is made of, as frozen values: nothing here reads a store, a file or a clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime

import orjson

from syncd.core.model import Counts
from syncd.ports.state import RunRecord

RUN_SCHEMA = "syncd.run/1"
"""Schema of RUN.json and of `syncd reconcile --json`: the file says more, never otherwise."""

_COUNT_NAMES = frozenset(each.name for each in fields(Counts))


def utc_text(moment: datetime | None) -> str | None:
    """An aware time as ISO 8601 text in UTC with milliseconds and a `Z`; None stays None."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """One run as its numbers tell it. Times are aware; `result` is one of the contract's words, empty while it runs."""

    run: str
    started: datetime
    finished: datetime | None
    result: str
    mappings: Mapping[str, Counts]
    full: bool = False

    @classmethod
    def of_record(cls, record: RunRecord) -> RunSummary:
        """The summary of one line of the run table; mappings of which nothing was counted stand there with zeros."""
        stored = orjson.loads(record.counts)
        counts = {name: read_counts(stored.get(name, {})) for name in (*record.mappings, *stored)}
        return cls(
            run=record.id,
            started=record.started,
            finished=record.finished,
            result=record.result,
            mappings=counts,
            full=record.full,
        )

    def total(self, pick: Callable[[Counts], int]) -> int:
        """The sum of one number over the mappings."""
        return sum(pick(counts) for counts in self.mappings.values())

    @property
    def writes(self) -> int:
        """Records written on either side, ids included."""
        return self.total(written)

    @property
    def held(self) -> int:
        """Records that wait for a person."""
        return self.total(lambda counts: counts.held)

    @property
    def failed(self) -> int:
        """Records whose write was refused or broken."""
        return self.total(lambda counts: counts.failed)

    @property
    def disagree(self) -> int:
        """Pairs that count as agreed and differ all the same."""
        return self.total(lambda counts: counts.disagree)

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it runs."""
        return None if self.finished is None else (self.finished - self.started).total_seconds()


def written(counts: Counts) -> int:
    """Records that one mapping's run wrote on either side, ids included."""
    sides = (*counts.created.values(), *counts.updated.values(), *counts.deleted.values())
    return sum(sides) + counts.linked + counts.submitted + counts.cancelled + counts.amended


def read_counts(stored: Mapping[str, object]) -> Counts:
    """Counts from their JSON; keys that a later version added are passed over, missing ones are zero."""
    return Counts(**{name: value for name, value in stored.items() if name in _COUNT_NAMES})  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a run ended, for a person: one sentence, what else there is to say, and what to do next."""

    result: str
    headline: str
    sentences: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = field(default=())
