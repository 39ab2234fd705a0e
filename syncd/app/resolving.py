"""Whether a write that was sent stands in its record, and what the pair looks like if it does."""

from __future__ import annotations

from collections.abc import Mapping

from syncd.app.amendments import CANCELLED
from syncd.app.context import Pass
from syncd.core.journal import Entry
from syncd.core.lifecycle import STANDS, Asked, asked_for
from syncd.core.mapping import AMENDED_FROM, DOCSTATUS, CompiledField, CompiledTable
from syncd.core.model import Action, Baseline, Image, Missing, Pair, PairState, Raw, Row, Rows, Side, Write
from syncd.core.rows import rows_of, same_rows
from syncd.core.rows_done import rows_done
from syncd.core.values import InvalidValue, decode_image, encode_baseline, encode_image, show
from syncd.ports.state import NewPair, PairChange

_DOCSTATUS = {Action.SUBMIT.value: 1, Action.CANCEL.value: CANCELLED, Action.AMEND.value: -1}
"""Where a document stands once a transition was done; an amendment is another document."""


def own_key(entry: Entry, side: Side) -> str | None:
    """The key of an entry's record on `side`."""
    return entry.erpnext_name if side is Side.ERPNEXT else entry.external_id


def was_done(run: Pass, side: Side, entry: Entry, row: Row | None, before: Baseline | None) -> bool:
    """Whether the write stands in the record as it is now.

    Every value that was sent must be there. In ERPNext, with a moved stamp and syncd's own user as the last editor, it
    is enough that every field that was sent has left its old value: the site may have stored something else than it
    was given.
    """
    if entry.action in {Action.DELETE.value, Action.MARK.value}:
        return row is None or row.deleted
    if row is None or row.docstatus != _DOCSTATUS.get(entry.action, row.docstatus):
        return False
    if entry.action == Action.CANCEL.value:
        return True
    return _stands(run, side, entry, row, before)


def _stands(run: Pass, side: Side, entry: Entry, row: Row, last: Baseline | None) -> bool:
    """Whether what was sent stands in the record; `last`: the record at the last agreement."""
    ours = row.editor is not None and not run.is_foreign(side, row) and row.stamp != entry.stamp
    fields = {
        (field.spec.erpnext if side is Side.ERPNEXT else field.spec.source): field for field in run.mapping.fields
    }
    before = {change.field: change.old for change in entry.changes}
    tables = {table.slot(side): table for table in run.mapping.tables}
    for name, sent in zip(entry.names, entry.values, strict=True):
        if name in tables:
            table = tables[name]
            rows = (rows_of(sent), rows_of(row.values[table.at(side)]))
            old = rows_of(None if last is None else last[table.at(side)])
            if not (ours and _rows_left(table, side, old, *rows)) and not same_rows(table, side, *rows):
                return False
            continue
        field = fields.get(name)
        if field is None:
            return ours
        now = row.values[field.erpnext_at if side is Side.ERPNEXT else field.source_at]
        if not (ours and _left(field, side, now, before.get(field.name))) and not _holds(field, side, now, sent):
            return False
    if entry.link:
        return row.partner == own_key(entry, side.other)
    return bool(entry.names) or ours


def _rows_left(table: CompiledTable, side: Side, old: Rows, sent: Rows, now: Rows) -> bool:
    """Whether a table is no longer as it was, and holds the rows that were sent: the site may store their values as
    something else, and names new rows itself."""
    named = [row.name for row in sent.rows if row.name is not None]
    kept = [row.name for row in now.rows if row.name in set(named)]
    return len(now.rows) == len(sent.rows) and kept == named and not same_rows(table, side, old, now)


def _left(field: CompiledField, side: Side, now: Raw, old: object) -> bool:
    """Whether a field has left the value `old` (as people are shown it) that it had before the write."""
    try:
        return show(field.read(side, now)) != old
    except InvalidValue:
        return True


def _holds(field: CompiledField, side: Side, now: Raw, sent: Raw) -> bool:
    try:
        return field.read(side, now) == field.read(side, sent)
    except InvalidValue:
        return False


def moved_baseline(run: Pass, pair: Pair, side: Side, entry: Entry, row: Row) -> PairChange:
    """The pair with the fields that were sent agreed as they stand now, and everything else as it was."""
    origin = decode_image(entry.origin or encode_image(()))
    images = {each: list(pair.baseline(each) or _unagreed(run, each)) for each in Side}
    for field in run.mapping.fields:
        name = field.spec.erpnext if side is Side.ERPNEXT else field.spec.source
        if name in entry.names:
            at, across = (
                (field.erpnext_at, field.source_at) if side is Side.ERPNEXT else (field.source_at, field.erpnext_at)
            )
            images[side][at] = row.values[at]
            images[side.other][across] = origin[across]
    if entry.action in {Action.SUBMIT.value, Action.CANCEL.value, Action.AMEND.value}:
        _take_state(run, entry, images, row, origin)
    _take_rows(run, pair, side, entry, images, row, origin)
    # An amendment goes on under the new document's name, which the source's record does not know yet.
    renamed = entry.action == Action.AMEND.value and row.key != pair.erpnext_name
    # What the record was told may be the name before an amendment that was resolved meanwhile.
    told = entry.link and side is Side.SOURCE and row.partner == pair.erpnext_name
    return PairChange(
        pair.id,
        content_of(pair, PairState.UNFINISHED)._replace(
            erpnext_image=encode_baseline(tuple(images[Side.ERPNEXT])),
            source_image=encode_baseline(tuple(images[Side.SOURCE])),
            linked_erpnext=pair.linked_erpnext or (entry.link and side is Side.ERPNEXT),
            linked_source=not renamed and (pair.linked_source or told),
            erpnext_name=row.key if entry.action == Action.AMEND.value else pair.erpnext_name,
            creation=row.creation if entry.action == Action.AMEND.value else pair.creation,
            differs=(*pair.differs, *(change.field.partition("[")[0] for change in entry.changes)),
        ),
    )


def _take_rows(
    run: Pass,
    pair: Pair,
    side: Side,
    entry: Entry,
    images: Mapping[Side, list[Raw | Missing]],
    row: Row,
    origin: Image,
) -> None:
    """Of the tables that were sent, what was sent has agreed. Where they never did, they are compared once more."""
    if pair.erpnext is None or pair.source is None or not origin:
        return
    sent = dict(zip(entry.names, entry.values, strict=True))
    done = Write(Action(entry.action), side, None, None, sent, changes=entry.changes)
    erpnext, source = (row.values, origin) if side is Side.ERPNEXT else (origin, row.values)
    for table in run.mapping.tables:
        ours, theirs = table.erpnext_at, table.source_at
        was = (pair.erpnext[ours], pair.source[theirs])
        if table.slot(side) in entry.names and Missing.MISSING not in was:
            base, now = (rows_of(was[0]), rows_of(was[1])), (rows_of(erpnext[ours]), rows_of(source[theirs]))
            images[Side.ERPNEXT][ours], images[Side.SOURCE][theirs] = rows_done(table, base, now, [done])


def _take_state(run: Pass, entry: Entry, images: Mapping[Side, list[Raw | Missing]], row: Row, origin: Image) -> None:
    """Where the document stands, and what the source asked for when the transition was decided, have agreed.

    Unless the source was to be told where the document stands then, which it still is: that stays news.
    """
    mapping, lifecycle = run.mapping, run.mapping.spec.lifecycle
    if lifecycle is None:
        return
    places = {name: mapping.erpnext_fields.index(name) for name in (DOCSTATUS, AMENDED_FROM)}
    asked = asked_for(lifecycle, mapping.asks(origin)) if origin else Asked.UNSAID
    agrees = entry.action == Action.CANCEL.value or asked.value == STANDS[row.docstatus].value
    if agrees or images[Side.ERPNEXT][places[DOCSTATUS]] is Missing.MISSING:
        images[Side.ERPNEXT][places[DOCSTATUS]] = row.values[places[DOCSTATUS]]
    images[Side.ERPNEXT][places[AMENDED_FROM]] = row.values[places[AMENDED_FROM]]
    if lifecycle.field is not None and origin:
        at = mapping.source_fields.index(lifecycle.field)
        images[Side.SOURCE][at] = origin[at]


def _unagreed(run: Pass, side: Side) -> Baseline:
    return (Missing.MISSING,) * len(run.mapping.names(side))


def content_of(pair: Pair, state: PairState) -> NewPair:
    """A pair as it is stored, in another state."""
    return NewPair(
        erpnext_name=pair.erpnext_name,
        external_id=pair.external_id,
        state=state,
        creation=pair.creation,
        erpnext_stamp=pair.erpnext_stamp,
        source_stamp=pair.source_stamp,
        erpnext_seen=None,
        source_seen=None,
        erpnext_image=None if pair.erpnext is None else encode_baseline(pair.erpnext),
        source_image=None if pair.source is None else encode_baseline(pair.source),
        linked_erpnext=pair.linked_erpnext,
        linked_source=pair.linked_source,
        docstatus=pair.docstatus,
        differs=pair.differs,
    )
