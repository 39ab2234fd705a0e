"""What waits because a record is held: edits of fields that are not in conflict (contract, "A conflict holds the whole
record"). Read from the state alone; neither side is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import orjson

from syncd.core.mapping import MappingSpec
from syncd.core.model import Baseline, Direction, Missing, Raw, Rows, Side
from syncd.core.values import decode_image, show
from syncd.ports.state import ConflictRecord, Layout, Staged, StateStore, Work

Named: TypeAlias = dict[str, Raw]
EMPTY = (None, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingField:
    """A field that one side changed and that waits with the rest of its record. Values are `side`'s own."""

    field: str
    """The ERPNext fieldname."""
    side: Side
    """Where it was changed."""
    base: object
    """What `side` held at the last agreement; None, too, where there was none yet."""
    value: object
    """What `side` holds now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a person is told about a held record beyond the conflict itself."""

    waiting: tuple[WaitingField, ...] = ()
    one_way: Mapping[str, Side] = field(default_factory=dict)
    """Fields that flow in one direction only, by fieldname: the side that is written."""


def surroundings_of(store: StateStore, spec: MappingSpec | None, conflict: ConflictRecord) -> Surroundings:
    """Read from the state; `spec` None: there is no such mapping any more, and nothing is known."""
    if spec is None:
        return Surroundings()
    one_way = {
        name: side for name, _, own in _flowing(spec) for side in Side if not _direction(spec, own).reaches(side.other)
    }
    return Surroundings(waiting=tuple(waiting_fields(store, spec, conflict)), one_way=one_way)


def _direction(spec: MappingSpec, own: Direction) -> Direction:
    return own if spec.direction is Direction.BOTH else spec.direction


def waiting_fields(store: StateStore, spec: MappingSpec, conflict: ConflictRecord) -> list[WaitingField]:
    """The fields of a held pair that would flow if it were not held, in the mapping's order.

    Values are compared exactly as they were read: one that was only written differently is listed too.
    """
    if conflict.pair is None or conflict.kind == "deleted":
        return []
    work = next(iter(store.work(conflict.mapping, after=conflict.pair - 1, limit=1)), None)
    if work is None or work.pair.id != conflict.pair:
        return []
    named = {str(each.get("field")) for each in orjson.loads(conflict.fields)}
    layouts = store.layouts(conflict.mapping)
    layout = layouts.get(store.mapping_state(conflict.mapping).layout)
    held = {side: _held(side, work, layout) for side in Side}
    return [
        found
        for names in _flowing(spec)
        if names[0] not in named
        for side in Side
        if _direction(spec, names[2]).reaches(side.other)
        and (found := _moved(names, side, held, _baseline(side, work, layouts.get(work.layout)))) is not None
    ]


def _held(side: Side, work: Work, layout: Layout | None) -> Named:
    """What `side` holds now, where it moved since the last agreement."""
    staged: Staged | None = work.erpnext if side is Side.ERPNEXT else work.source
    return {} if staged is None or staged.deleted else _by_name(side, layout, decode_image(staged.image))


def _baseline(side: Side, work: Work, layout: Layout | None) -> Named | None:
    baseline = work.pair.baseline(side)
    return None if baseline is None else _by_name(side, layout, baseline)


def _moved(
    names: tuple[str, str, Direction], side: Side, held: Mapping[Side, Named], before: Named | None
) -> WaitingField | None:
    """The field, if `side` changed it; before the first agreement, if only `side` holds anything."""
    own, across = (names[0], names[1]) if side is Side.ERPNEXT else (names[1], names[0])
    if own not in held[side]:
        return None
    new = held[side][own]
    if before is None or own not in before:
        old, moved = None, new not in EMPTY and held[side.other].get(across) in EMPTY
    else:
        old = before[own]
        moved = (None if old in EMPTY else old) != (None if new in EMPTY else new)
    if not moved:
        return None
    return WaitingField(field=names[0], side=side, base=_shown(old), value=_shown(new))


def _flowing(spec: MappingSpec) -> Iterator[tuple[str, str, Direction]]:
    """(ERPNext fieldname, the source's name for it, direction) of fields and child tables; constants do not flow."""
    yield from ((entry.erpnext, entry.source, entry.direction) for entry in spec.fields if entry.source is not None)
    yield from ((table.erpnext, table.slot, table.direction) for table in spec.tables)


def _shown(value: object) -> object:
    return f"{len(value.rows)} rows" if isinstance(value, Rows) else show(value)


def _by_name(side: Side, layout: Layout | None, image: Baseline) -> Named:
    """An image by the names of its side; fields that were not mapped then are left out."""
    if layout is None:
        return {}
    names = layout.erpnext_fields if side is Side.ERPNEXT else layout.source_fields
    return {name: value for name, value in zip(names, image, strict=False) if not isinstance(value, Missing)}
