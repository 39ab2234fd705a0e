"""Carrying out a plan's file: exactly what stands in it, and only where nothing has moved since.

A run by a plan observes and decides like any other. Then each decision is held against the plan: what stands there, on
the same content and with the same writes, is carried out. What stands there and is decided otherwise now is refused,
record by record; what does not stand there is left. Of neither is anything written, on either side or in the state:
it stays staged, and the next run decides on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from syncd.app.commit import is_parked, waits_for_person
from syncd.app.gate import Gate
from syncd.app.linking import link_key
from syncd.app.singles import record_key
from syncd.core.links import NewKey
from syncd.core.mapping import CompiledField
from syncd.core.model import Action, Baseline, Pair, Raw, Rows, Side, Write
from syncd.core.plan import Verdict
from syncd.core.plan_file import PlannedRecord, PlannedWrite
from syncd.core.values import encode_image
from syncd.ports.state import Staged

if TYPE_CHECKING:
    from syncd.app.births import Birth
    from syncd.app.cases import Case
    from syncd.app.context import Pass

MOVED = "changed since the plan was made; it was left untouched"
LISTED = 1000
"""Refused records that a run names; all of them are counted."""

Key = tuple[str, str | None, str | None]
"""(mapping, external id, ERPNext name)"""


@dataclass(slots=True)
class _Taken:
    """A record of the plan that was let through. `before`: the pair's baselines then; () for a creation."""

    record: PlannedRecord
    steps: int = 0
    before: tuple[Baseline | None, Baseline | None] | tuple[()] = ()
    moved: bool = False


@dataclass(slots=True)
class _Left:
    """What a mapping would have a run do beside the plan."""

    keys: set[tuple[str | None, str | None]] = field(default_factory=set)


class Warrant(Gate):
    """Lets through what a plan names."""

    def __init__(self, records: Iterable[PlannedRecord]) -> None:
        self._planned: dict[Key, PlannedRecord] = {}
        self._made: dict[str, PlannedRecord] = {}
        for record in records:
            self._planned[record.mapping, record.external_id, record.erpnext_name] = record
            self._made.update(dict.fromkeys(record.made, record))
        self._taken: dict[Key, _Taken] = {}
        self._pairs: dict[tuple[str, int], Key] = {}
        self._left: dict[str, _Left] = {}

    def rows(self, run: Pass, rows: Sequence[Staged]) -> Sequence[Staged]:
        """Those that the plan makes partners for, and that are as they were."""
        admitted = []
        for row in rows:
            key = (run.mapping.name, *record_key(row))
            record = self._planned.get(key)
            if record is None:
                self._leave(run, key)
            elif record.steps[0].mark == row.digest and _creates(record):
                admitted.append(row)
        return admitted

    def births(self, run: Pass, births: list[Birth]) -> list[Birth]:
        """Those that come to what the plan says."""
        admitted = []
        for birth in births:
            key = (run.mapping.name, *record_key(birth.staged))
            record = self._planned[key]
            if self._same(run, record.steps[0].writes, (birth.write,)):
                self._taken[key] = _Taken(record, 1)
                admitted.append(birth)
        return admitted

    def cases(self, run: Pass, page: Sequence[Case]) -> Sequence[Case]:
        """Those whose decision is the plan's; what only the state is told of goes through."""
        return [case for case in page if self._admits(run, case)]

    def close(self, run: Pass) -> None:
        """Tell what was refused, and how much is left for the next run."""
        name = run.mapping.name
        planned = {key: record for key, record in self._planned.items() if key[0] == name}
        refused = [record for key, record in planned.items() if key not in self._taken or self._taken[key].moved]
        run.counts.plan = {
            "planned": len(planned),
            "refused": len(refused),
            "left": len(self._left[name].keys) if name in self._left else 0,
            "records": [
                {"external_id": each.external_id, "erpnext_name": each.erpnext_name, "text": MOVED}
                for each in refused[:LISTED]
            ],
        }
        run.noticed = run.noticed or bool(refused)

    def _admits(self, run: Pass, case: Case) -> bool:
        if case.decision.verdict not in {Verdict.WRITE, Verdict.END}:
            return True
        key = self._key(run, case.pair)
        record = self._planned.get(key)
        taken = self._taken.get(key)
        at = taken.steps if taken is not None else 0
        if record is None or at >= len(record.steps):
            self._unplanned(run, case, taken)
            return False
        step = record.steps[at]
        as_planned = at > 0 or step.mark == case.mark()
        if not as_planned or not self._same(run, step.writes, case.decision.writes):
            self._unplanned(run, case, taken)
            return False
        if taken is None:
            taken = self._taken[key] = _Taken(record)
        taken.steps += 1
        taken.before = (case.pair.erpnext, case.pair.source)
        self._pairs[run.mapping.name, case.pair.id] = key
        return True

    def _key(self, run: Pass, pair: Pair) -> Key:
        """How the plan calls a pair: records that it makes partners for had one key then, amended ones their old."""
        name = run.mapping.name
        known = self._pairs.get((name, pair.id))
        if known is not None:
            return known
        for key in ((name, pair.external_id, None), (name, None, pair.erpnext_name)):
            if key in self._taken:
                return key
        return name, pair.external_id, pair.erpnext_name

    def _unplanned(self, run: Pass, case: Case, taken: _Taken | None) -> None:
        """Something else is to be done now. Where its planned write was not done, it moved under our hands."""
        if taken is not None and taken.before == (case.pair.erpnext, case.pair.source):
            taken.moved = True
        elif taken is not None or (self._key(run, case.pair) not in self._planned and not _waits(run, case)):
            self._leave(run, (run.mapping.name, case.pair.external_id, case.pair.erpnext_name))

    def _leave(self, run: Pass, key: Key) -> None:
        self._left.setdefault(run.mapping.name, _Left()).keys.add(key[1:])

    def _same(self, run: Pass, planned: Sequence[PlannedWrite], writes: Sequence[Write]) -> bool:
        return len(planned) == len(writes) and all(
            self._same_write(run, one, other) for one, other in zip(planned, writes, strict=True)
        )

    def _same_write(self, run: Pass, planned: PlannedWrite, write: Write) -> bool:
        what = (write.side, write.action, write.link, write.docstatus, write.forced)
        if what != (planned.side, planned.action, planned.link, planned.docstatus, planned.forced):
            return False
        if planned.values.keys() != write.values.keys():
            return False
        mapping, side = run.mapping, write.side
        fields = _linked(mapping.fields, side)
        tables = {table.slot(side): table for table in mapping.tables}
        for name, value in write.values.items():
            expected = planned.values[name]
            if isinstance(expected, Rows) and isinstance(value, Rows) and name in tables:
                names, linked = tables[name].names(side), _linked(tables[name].fields, side)
                if not self._same_rows(run, side, names, linked, expected, value):
                    return False
            elif not self._same_value(run, side, fields.get(name), expected, value):
                return False
        return True

    def _same_rows(
        self,
        run: Pass,
        side: Side,
        names: Sequence[str],
        linked: Mapping[str, CompiledField],
        planned: Rows,
        rows: Rows,
    ) -> bool:
        return [row.name for row in planned.rows] == [row.name for row in rows.rows] and all(
            self._same_value(run, side, linked.get(name), expected, value)
            for one, other in zip(planned.rows, rows.rows, strict=True)
            for name, expected, value in zip(names, one.values, other.values, strict=True)
        )

    def _same_value(self, run: Pass, side: Side, entry: CompiledField | None, planned: Raw, value: Raw) -> bool:
        """Whether a value is the planned one; a key that nobody knew then is that of the record that it stood for."""
        if not isinstance(planned, NewKey):
            return encode_image((planned,)) == encode_image((value,))
        record = self._made.get(planned)
        if record is None or entry is None:
            return False
        known = Side.SOURCE if record.external_id is not None else Side.ERPNEXT
        own = record.external_id if known is Side.SOURCE else record.erpnext_name
        found = run.store.pairs_by_key(record.mapping, known, [own or ""])
        key = link_key(entry, side, value)
        return key is not None and any(pair.key(side) == key for pair, _ in found)


def _creates(record: PlannedRecord) -> bool:
    writes = record.steps[0].writes
    return len(writes) == 1 and writes[0].action is Action.CREATE


def _waits(run: Pass, case: Case) -> bool:
    """Whether nothing would be sent of a decision: it was refused before, or a person has to decide."""
    return is_parked(run, case) or waits_for_person(run, case)


def _linked(fields: Iterable[CompiledField], side: Side) -> dict[str, CompiledField]:
    """Fields that are links, by what `side` calls them."""
    return {
        (entry.spec.erpnext if side is Side.ERPNEXT else entry.spec.source or ""): entry
        for entry in fields
        if entry.spec.link is not None
    }
