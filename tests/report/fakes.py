"""A state store as reports and reading commands see it, and records of every kind to fill it with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta

import orjson

from syncd.core.journal import Entry, encode_entries
from syncd.core.model import Action, Counts, FieldChange, Pair, Side
from syncd.ports.state import ConflictRecord, FailureRecord, Operation, OperationState, RunRecord

STARTED = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
RUN = "0198c0de"


@dataclass
class FakeStore:
    """The reads of `StateStore` that reports use, and what people decide about conflicts and failures."""

    journal: Sequence[Operation] = ()
    held: Sequence[ConflictRecord] = ()
    broken: Sequence[FailureRecord] = ()
    records: Sequence[RunRecord] = ()
    resolved: dict[int, bytes] = field(default_factory=dict)
    ended: Sequence[Pair] = ()
    due: list[int] = field(default_factory=list)
    ignored: list[int] = field(default_factory=list)

    def operations(self, run: str) -> Iterator[Operation]:
        return (each for each in self.journal if each.run == run)

    def conflicts(self, mapping: str | None = None, *, run: str | None = None) -> list[ConflictRecord]:
        return [each for each in self.held if mapping in (None, each.mapping)]

    def conflict(self, conflict_id: int) -> ConflictRecord | None:
        return next((each for each in self.held if each.id == conflict_id), None)

    def resolve(self, decisions: Sequence[tuple[ConflictRecord, bytes]]) -> None:
        self.resolved.update({shown.id: resolution for shown, resolution in decisions})

    def ended_pairs(self, mapping: str, *, after: int, limit: int) -> list[tuple[Pair, int]]:
        return [(pair, 1) for pair in self.ended if pair.id > after][:limit]

    def failures(self, mapping: str | None = None) -> list[FailureRecord]:
        return [each for each in self.broken if mapping in (None, each.mapping)]

    def failure(self, failure_id: int) -> FailureRecord | None:
        return next((each for each in self.broken if each.id == failure_id), None)

    def retry(self, ids: Sequence[int]) -> int:
        self.due.extend(ids)
        return len(ids)

    def ignore(self, failure_id: int) -> None:
        self.ignored.append(failure_id)

    def runs(self, limit: int) -> list[RunRecord]:
        return list(self.records[:limit])

    def run(self, run_id: str) -> RunRecord | None:
        found = [each for each in self.records if each.id.startswith(run_id)]
        return found[0] if len(found) == 1 else None


def counts(**numbers: object) -> Counts:
    """Counts with some numbers set; sides by `created_erpnext=3`."""
    made = Counts()
    for name, value in numbers.items():
        word, _, side = name.partition("_")
        if side:
            getattr(made, word)[side] = value
        else:
            setattr(made, name, value)
    return made


def run_record(result: str = "attention", *, run: str = RUN, report: str = "", **mappings: Counts) -> RunRecord:
    mappings = mappings or {"customer": counts()}
    return RunRecord(
        id=run,
        started=STARTED,
        finished=STARTED + timedelta(seconds=4.2),
        result=result,
        mappings=tuple(mappings),
        counts=orjson.dumps({name: asdict(each) for name, each in mappings.items()}),
        report=report,
    )


def entry(number: int, changes: Sequence[tuple[str, object, object]] = (), **more: object) -> Entry:
    return Entry(
        external_id=str(number),
        erpnext_name=f"CUST-{number:05}",
        names=("name",),
        values=(f"Customer {number}",),
        changes=tuple(FieldChange(field=name, old=old, new=new) for name, old, new in changes),
        **more,  # type: ignore[arg-type]
    )


def operation(entries: Sequence[Entry], *, key: str = "op-1", **more: object) -> Operation:
    settings: dict[str, object] = {
        "mapping": "customer",
        "run": RUN,
        "side": Side.ERPNEXT,
        "action": Action.UPDATE,
        "state": OperationState.DONE,
        "sent": STARTED,
        "finished": STARTED + timedelta(seconds=1),
        "request_id": "req-77",
    }
    return Operation(key=key, records=encode_entries(entries), count=len(entries), **(settings | more))  # type: ignore[arg-type]


def conflict(number: int = 17, *, kind: str = "fields", fields: object = None, **more: object) -> ConflictRecord:
    given = [{"field": "tax_id", "base": "DE1", "erpnext": "DE2", "source": "DE3", "reason": "both changed"}]
    settings: dict[str, object] = {
        "mapping": "customer",
        "external_id": "42",
        "erpnext_name": "CUST-00042",
        "pair": 1,
        "erpnext_stamp": "2026-03-01 05:00:00.123456",
        "source_stamp": "2026-03-01 09:00:00",
        "editor": "anna@example.com",
        "opened": STARTED,
        "run": RUN,
    }
    encoded = orjson.dumps(given if fields is None else fields)
    return ConflictRecord(id=number, kind=kind, fields=encoded, **(settings | more))  # type: ignore[arg-type]


def failure(number: int = 3, **more: object) -> FailureRecord:
    settings: dict[str, object] = {
        "mapping": "customer",
        "side": Side.ERPNEXT,
        "external_id": "99",
        "erpnext_name": None,
        "action": Action.CREATE,
        "permanent": True,
        "error": "Customer Group: Comercial is not there",
        "hint": "create the group, or map the value",
        "run": RUN,
    }
    return FailureRecord(id=number, **(settings | more))  # type: ignore[arg-type]
