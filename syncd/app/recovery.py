"""Recovery: operations that an earlier run left open are resolved by looking, before anything else.

A creation is asked for by its operation key (an endpoint that answers "not done" has made sure that a late first
attempt cannot do it any more); everything else is compared with what stands there now. What was done becomes the
baseline; what was not is decided anew. The rows concerned are read afresh and staged, whatever the feed's cursor says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from syncd.app.context import Pass
from syncd.app.observe import pair_row
from syncd.app.pairs import born_pair
from syncd.core.journal import DONE, Entry, Outcome, decode_entries, encode_results, outcome_of
from syncd.core.mapping import CompiledField
from syncd.core.model import Action, Baseline, Missing, Pair, PairState, Raw, Row, Rows, Side, Write
from syncd.core.rows import rows_of, same_rows, tie
from syncd.core.values import InvalidValue, decode_image, digest, encode_baseline, encode_image, show
from syncd.errors import UnknownOutcomeError
from syncd.ports.state import NewPair, Operation, OperationState, PairChange, Staged, StagedState

ABANDONED: Outcome = ["abandoned", "", "", ""]
"""It was not done; what it was to do is decided anew."""


def recover(run: Pass) -> None:
    """Resolve every open operation of the mapping; what cannot be told yet stays open."""
    for operation in run.store.open_operations(run.mapping.name):
        run.checkpoint()
        run.noticed = True
        entries = decode_entries(operation.records, operation.results)
        if operation.action is Action.CREATE:
            _recover_creation(run, operation, entries)
        else:
            _recover_writes(run, operation, entries)


def _writes(operation: Operation, entries: Sequence[Entry]) -> list[Write]:
    """The creations as they were sent."""
    erpnext = operation.side is Side.ERPNEXT
    return [
        Write(
            action=Action.CREATE,
            side=operation.side,
            key=None,
            partner=entry.external_id if erpnext else entry.erpnext_name,
            values=dict(zip(entry.names, entry.values, strict=True)),
            link=entry.link,
            changes=entry.changes,
        )
        for entry in entries
    ]


def _recover_creation(run: Pass, operation: Operation, entries: Sequence[Entry]) -> None:
    side = operation.side
    writes = _writes(operation, entries)
    try:
        rows = run.endpoints[side].created(writes, operation.key, sent=operation.sent)
    except UnknownOutcomeError as error:
        _keep_in_doubt(run, operation, entries, error)
        return
    given = [key for key in (_key(entry, side.other) for entry in entries) if key]
    staged = {row.key: row for row in run.store.staged(_staged_singles(run, side.other, given))}
    # Meanwhile a feed may have shown what was made, and it was adopted.
    paired = {pair.key(side.other) for pair, _ in run.store.pairs_by_key(run.mapping.name, side.other, given)}
    pairs: list[NewPair] = []
    told: list[Outcome] = []
    for entry, write, row in zip(entries, writes, rows or [None] * len(entries), strict=True):
        told.append(ABANDONED if row is None else row.key)
        if _key(entry, side.other) in paired or rows is None:
            continue
        origin = staged.get(_key(entry, side.other) or "")
        pairs.append(_gone_pair(entry, side) if row is None else _recovered_pair(run, side, entry, write, row, origin))
    made = sum(pair.state is not PairState.ENDED for pair in pairs)
    run.counts.created[side.value] += made
    run.counts.ended += len(pairs) - made
    keys = [_given_key(side, entry) for entry in entries]
    settled = {pair.external_id if side is Side.ERPNEXT else pair.erpnext_name for pair in pairs}
    with run.store.transaction(run.lease) as tx:
        tx.add_pairs(pairs, run.state.layout)
        tx.unstage([row.id for row in staged.values() if row.key in settled])
        tx.mark_staged([(row.id, StagedState.NEW) for row in staged.values() if row.key not in settled])
        tx.close_failures(keys)
        state = OperationState.ABANDONED if rows is None else OperationState.DONE
        tx.finish([(operation.key, state, "", encode_results(told))])


def _keep_in_doubt(run: Pass, operation: Operation, entries: Sequence[Entry], error: UnknownOutcomeError) -> None:
    """Nobody can tell yet. However their records are staged, edited or read anew: none is created a second time."""
    staged = _doubt(run, operation, entries)
    with run.store.transaction(run.lease) as tx:
        tx.mark_staged(staged)
        tx.finish([(operation.key, OperationState.OPEN, error.message, operation.results)])


def doubt_open_creations(run: Pass) -> None:
    """For a plan, which asks nobody: what an open creation was to make is not planned anew."""
    for operation in run.store.open_operations(run.mapping.name):
        if operation.action is Action.CREATE:
            staged = _doubt(run, operation, decode_entries(operation.records, operation.results))
            with run.store.transaction(run.lease) as tx:
                tx.mark_staged(staged)


def _doubt(run: Pass, operation: Operation, entries: Sequence[Entry]) -> list[tuple[int, StagedState]]:
    """Note that the records of a creation are in doubt; their staged rows, as they are to be marked."""
    giving = operation.side.other
    keys = [key for key in (_key(entry, giving) for entry in entries) if key]
    run.doubtful[giving].update(keys)
    return [(number, StagedState.UNFINISHED) for number in _staged_singles(run, giving, keys)]


def _staged_singles(run: Pass, side: Side, keys: Sequence[str]) -> list[int]:
    """Ids of the rows without a partner that are staged under these keys: they may have been staged anew since."""
    known = run.store.known(run.mapping.name, side, keys, [None] * len(keys))
    return [entry.staged for entry in known if entry is not None and entry.pair is None and entry.staged is not None]


def _key(entry: Entry, side: Side) -> str | None:
    return entry.erpnext_name if side is Side.ERPNEXT else entry.external_id


def _gone_pair(entry: Entry, side: Side) -> NewPair:
    """The pair of a creation that was done, and whose record is not there any more: ended, like any other deletion."""
    return NewPair(
        erpnext_name=None if side is Side.ERPNEXT else entry.erpnext_name,
        external_id=entry.external_id if side is Side.ERPNEXT else None,
        state=PairState.ENDED,
        creation=None,
        erpnext_stamp=None,
        source_stamp=None,
        erpnext_seen=None,
        source_seen=None,
        erpnext_image=None,
        source_image=None,
        linked_erpnext=False,
        linked_source=False,
        docstatus=0,
    )


def _given_key(side: Side, entry: Entry) -> tuple[str | None, str | None]:
    """The record for which the partner was to be created, as failures know it."""
    return (entry.external_id, None) if side is Side.ERPNEXT else (None, entry.erpnext_name)


def _recovered_pair(run: Pass, side: Side, entry: Entry, write: Write, row: Row, staged: Staged | None) -> NewPair:
    """The pair of a creation that is now known to be done.

    Its giving side's baseline is the image it was created from, also where the record changed since: that change is
    seen as one at the next look.
    """
    image = entry.origin if entry.origin is not None else encode_image(())
    key = entry.external_id if side is Side.ERPNEXT else entry.erpnext_name
    origin = Staged(
        0,
        side.other,
        key or "",
        None,
        StagedState.NEW,
        entry.stamp,
        image,
        digest(image),
        staged.partner if staged is not None else None,
        staged.creation if staged is not None else None,
        None,
        False,
        0,
    )
    pair = born_pair(run, side, origin, write, row, at_once=False)
    # Unfinished, so that it is looked at in this run; without its stamp the giving record is read afresh, for it may
    # have moved since it was sent, and no feed shows that a second time.
    if side is Side.ERPNEXT:
        return pair._replace(state=PairState.UNFINISHED, source_stamp=None)
    return pair._replace(state=PairState.UNFINISHED, erpnext_stamp=None)


def _recover_writes(run: Pass, operation: Operation, entries: Sequence[Entry]) -> None:
    """Updates, links and removals: read both records afresh; what is there decides."""
    pairs = _pairs_of(run, entries)
    here = operation.side
    rows = {side: _rows(run, side, entries) for side in Side}
    changes: list[PairChange] = []
    staged: list[tuple[Side, Row, int]] = []
    unstage: list[int] = []
    settled: list[tuple[str | None, str | None]] = []
    told: list[Outcome] = []
    for entry in entries:
        pair = pairs.get(entry.pair or 0)
        if pair is None or entry.result:
            told.append(outcome_of(entry) or ABANDONED)
            continue
        row = rows[here].get(_key(entry, here) or "")
        done = _was_done(run, here, entry, row)
        told.append([DONE, "", "", ""] if done else ABANDONED)
        if done and Action(entry.action).removes:
            changes.append(_ended(pair, gone=entry.action != Action.DISABLE.value))
            unstage += _staged_of(run, pair)
            settled.append((pair.external_id, pair.erpnext_name))
            run.counts.ended += 1
            continue
        if done and row is not None:
            changes.append(_moved_baseline(run, pair, here, entry, row))
        found = [(side, rows[side].get(_key(entry, side) or "")) for side in Side]
        staged += [(side, held, pair.id) for side, held in found if held is not None]
    state = OperationState.DONE if any(outcome is not ABANDONED for outcome in told) else OperationState.ABANDONED
    with run.store.transaction(run.lease) as tx:
        tx.change_pairs(changes, run.state.layout)
        tx.unstage(unstage)
        tx.close_failures(settled)
        tx.close_conflicts(settled)
        tx.stage([pair_row(side, held, number) for side, held, number in staged])
        tx.finish([(operation.key, state, "", encode_results(told))])


def _pairs_of(run: Pass, entries: Sequence[Entry]) -> dict[int, Pair]:
    """The pairs of an operation's entries, by id, as far as they live and are stored in the present layout."""
    found = run.store.pairs_by_id(run.mapping.name, [entry.pair for entry in entries if entry.pair])
    return {pair.id: pair for pair, layout in found if pair.state is not PairState.ENDED and layout == run.state.layout}


def _rows(run: Pass, side: Side, entries: Iterable[Entry]) -> dict[str, Row]:
    keys = [_key(entry, side) for entry in entries]
    return {row.key: row for row in run.endpoints[side].fetch([key for key in keys if key])}


def _staged_of(run: Pass, pair: Pair) -> list[int]:
    """Ids of a pair's staged rows."""
    page = run.store.work(run.mapping.name, after=pair.id - 1, limit=1)
    rows = [row for work in page if work.pair.id == pair.id for row in (work.erpnext, work.source)]
    return [row.id for row in rows if row is not None]


def _was_done(run: Pass, side: Side, entry: Entry, row: Row | None) -> bool:
    """Whether the write stands in the record as it is now.

    Every value that was sent must be there. In ERPNext, with a moved stamp and syncd's own user as the last editor, it
    is enough that every field that was sent has left its old value: the site may have stored something else than it
    was given.
    """
    if entry.action in {Action.DELETE.value, Action.MARK.value}:
        return row is None or row.deleted
    if row is None:
        return False
    ours = row.editor is not None and not run.is_foreign(side, row) and row.stamp != entry.stamp
    fields = {
        (field.spec.erpnext if side is Side.ERPNEXT else field.spec.source): field for field in run.mapping.fields
    }
    before = {change.field: change.old for change in entry.changes}
    tables = {table.slot(side): table for table in run.mapping.tables}
    for name, sent in zip(entry.names, entry.values, strict=True):
        if name in tables:
            if not same_rows(tables[name], side, rows_of(sent), rows_of(row.values[tables[name].at(side)])):
                return False
            continue
        field = fields.get(name)
        if field is None:
            return ours
        now = row.values[field.erpnext_at if side is Side.ERPNEXT else field.source_at]
        if not (ours and _left(field, side, now, before.get(field.name))) and not _holds(field, side, now, sent):
            return False
    if entry.link:
        return row.partner == _key(entry, side.other)
    return bool(entry.names) or ours


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


def _moved_baseline(run: Pass, pair: Pair, side: Side, entry: Entry, row: Row) -> PairChange:
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
    known = None if pair.erpnext is None or pair.source is None else (pair.erpnext, pair.source)
    for table in run.mapping.tables:
        if table.slot(side) in entry.names:
            here, across = table.at(side), table.at(side.other)
            rows = {side: rows_of(row.values[here]), side.other: rows_of(origin[across])}
            ties = tie(
                table,
                rows[Side.ERPNEXT],
                rows[Side.SOURCE],
                () if known is None else rows_of(known[0][table.erpnext_at]).ties,
            )
            images[side][here] = Rows(rows[side].rows, ties)
            images[side.other][across] = Rows(rows[side.other].rows, ties)
    return PairChange(
        pair.id,
        _content(pair, PairState.UNFINISHED)._replace(
            erpnext_image=encode_baseline(tuple(images[Side.ERPNEXT])),
            source_image=encode_baseline(tuple(images[Side.SOURCE])),
            linked_erpnext=pair.linked_erpnext or (entry.link and side is Side.ERPNEXT),
            linked_source=pair.linked_source or (entry.link and side is Side.SOURCE),
        ),
    )


def _unagreed(run: Pass, side: Side) -> Baseline:
    return (Missing.MISSING,) * len(run.mapping.names(side))


def _ended(pair: Pair, *, gone: bool) -> PairChange:
    """The pair as a tombstone; `gone`: its document is not there any more, and lets its name go."""
    content = _content(pair, PairState.ENDED)
    return PairChange(pair.id, content._replace(erpnext_name=None) if gone else content)


def _content(pair: Pair, state: PairState) -> NewPair:
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
    )
