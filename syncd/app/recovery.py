"""Recovery: operations that an earlier run left open are resolved by looking, before anything else.

A creation is asked for by its operation key (an endpoint that answers "not done" has made sure that a late first
attempt cannot do it any more); everything else is compared with what stands there now. What was done becomes the
baseline; what was not is decided anew. The rows concerned are read afresh and staged, whatever the feed's cursor says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from syncd.app.absence import look_again
from syncd.app.context import Pass, whole
from syncd.app.creating import born_pair
from syncd.app.observe import stage_rows
from syncd.core.journal import DONE, Entry, Outcome, decode_entries, encode_results
from syncd.core.matching import Matcher
from syncd.core.model import Action, Pair, PairState, Row, Side, Write
from syncd.core.values import InvalidValue, decode_image, digest, encode_image
from syncd.errors import UnknownOutcomeError
from syncd.ports.state import NewPair, Operation, OperationState, PairChange, Staged, StagedState

ABANDONED: Outcome = ["abandoned", "", "", ""]
"""It was not done; what it was to do is decided anew."""


def recover(run: Pass, matcher: Matcher) -> None:
    """Resolve every open operation of the mapping; what cannot be told yet stays open."""
    for operation in run.store.open_operations(run.mapping.name):
        run.checkpoint()
        run.noticed = True
        entries = decode_entries(operation.records, operation.results)
        if operation.action is Action.CREATE:
            _recover_creation(run, operation, entries, matcher)
        else:
            _recover_writes(run, operation, entries, matcher)


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


def _recover_creation(run: Pass, operation: Operation, entries: Sequence[Entry], matcher: Matcher) -> None:
    writes = _writes(operation, entries)
    try:
        rows = run.endpoints[operation.side].created(writes, operation.key, sent=operation.sent)
    except UnknownOutcomeError as error:
        with run.store.transaction(run.lease) as tx:
            tx.finish([(operation.key, OperationState.OPEN, error.message, operation.results)])
        return
    staged = {row.id: row for row in run.store.staged([entry.staged for entry in entries if entry.staged])}
    made = rows if rows is not None else [None] * len(entries)
    pairs, done, undone = [], [], []
    told: list[Outcome] = []
    for entry, write, row in zip(entries, writes, made, strict=True):
        origin = staged.get(entry.staged or 0)
        if row is None:
            undone.append(origin)
            told.append(ABANDONED)
            continue
        pairs.append(_recovered_pair(run, operation.side, entry, write, row, origin))
        done.append(origin)
        told.append(row.key)
    run.counts.created[operation.side.value] += len(pairs)
    state = OperationState.DONE if pairs else OperationState.ABANDONED
    keys = [_given_key(operation.side, entry) for entry in entries]
    with run.store.transaction(run.lease) as tx:
        tx.add_pairs(pairs, run.state.layout)
        tx.unstage([row.id for row in done if row is not None])
        tx.mark_staged([(row.id, StagedState.NEW) for row in undone if row is not None])
        tx.close_failures(keys)
        tx.finish([(operation.key, state, "", encode_results(told))])
    made_keys = [row.key for row in made if row is not None]
    found = run.store.pairs_by_key(run.mapping.name, operation.side, made_keys)
    # The giving record may have moved since it was sent, and its staged row is gone: it is read afresh.
    look_again(run, operation.side.other, [pair.id for pair, _ in found], matcher)


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
    pair = born_pair(run, side, origin, write, row)
    # Unfinished, so that it is looked at in this run: either record may have moved since.
    return pair._replace(state=PairState.UNFINISHED)


def _recover_writes(run: Pass, operation: Operation, entries: Sequence[Entry], matcher: Matcher) -> None:
    """Updates, links and removals: read both records afresh; what is there decides."""
    pairs = _pairs_of(run, entries)
    rows = {side: _rows(run, side, pairs.values()) for side in Side}
    changes = []
    told: list[Outcome] = []
    for entry in entries:
        pair = pairs.get(entry.pair or 0)
        row = rows[operation.side].get(pair.key(operation.side) or "") if pair is not None else None
        if pair is None:
            told.append(ABANDONED)
            continue
        done = row is not None and _was_done(run, operation.side, entry, row)
        told.append([DONE, "", "", ""] if done else ABANDONED)
        if done and row is not None:
            changes.append(_moved_baseline(run, pair, operation.side, entry, row))
    staged = [
        row
        for side in Side
        for row in stage_rows(
            side,
            ((rows[side][pair.key(side) or ""], pair.id) for pair in pairs.values() if pair.key(side) in rows[side]),
            matcher,
        )
    ]
    state = OperationState.DONE if any(outcome is not ABANDONED for outcome in told) else OperationState.ABANDONED
    with run.store.transaction(run.lease) as tx:
        tx.change_pairs(changes, run.state.layout)
        tx.stage(staged)
        tx.finish([(operation.key, state, "", encode_results(told))])


def _pairs_of(run: Pass, entries: Sequence[Entry]) -> dict[int, Pair]:
    """The pairs of an operation's entries, by id, with baselines in the present layout; ended ones are left out."""
    found: dict[int, Pair] = {}
    names = [entry.erpnext_name for entry in entries if entry.erpnext_name]
    for pair, layout in run.store.pairs_by_key(run.mapping.name, Side.ERPNEXT, names):
        if pair.state is not PairState.ENDED and layout == run.state.layout:
            found[pair.id] = pair
    return found


def _rows(run: Pass, side: Side, pairs: Iterable[Pair]) -> dict[str, Row]:
    keys = [pair.key(side) for pair in pairs]
    return {row.key: row for row in run.endpoints[side].fetch([key for key in keys if key])}


def _was_done(run: Pass, side: Side, entry: Entry, row: Row) -> bool:
    """Whether the write stands in the record as it is now.

    In ERPNext a moved stamp with syncd's own user as the last editor says so even where the site stored something else
    than it was given; everywhere every value that was sent must be there.
    """
    editor = run.endpoints[side].capabilities().editor
    if editor is not None and row.editor == editor and row.stamp != entry.stamp:
        return True
    names = run.mapping.names(side)
    now = dict(zip(names, row.values, strict=True))
    by_field = {
        (field.spec.erpnext if side is Side.ERPNEXT else field.spec.source): field for field in run.mapping.fields
    }
    for name, sent in zip(entry.names, entry.values, strict=True):
        field = by_field.get(name)
        try:
            if field is None or field.read(side, now[name]) != field.read(side, sent):
                return False
        except (InvalidValue, KeyError):
            return False
    return bool(entry.names)


def _moved_baseline(run: Pass, pair: Pair, side: Side, entry: Entry, row: Row) -> PairChange:
    """The pair with the fields that were sent agreed as they stand now, and everything else as it was."""
    images = {each: None if (base := pair.baseline(each)) is None else whole(base) for each in Side}
    origin = decode_image(entry.origin) if entry.origin is not None else None
    before_here, before_there = images[side], images[side.other]
    if before_here is not None and before_there is not None and origin is not None:
        here, there = list(before_here), list(before_there)
        for field in run.mapping.fields:
            name = field.spec.erpnext if side is Side.ERPNEXT else field.spec.source
            if name in entry.names:
                at, across = (
                    (field.erpnext_at, field.source_at) if side is Side.ERPNEXT else (field.source_at, field.erpnext_at)
                )
                here[at] = row.values[at]
                there[across] = origin[across]
        images = {side: tuple(here), side.other: tuple(there)}
    erpnext, source = images[Side.ERPNEXT], images[Side.SOURCE]
    return PairChange(
        pair.id,
        NewPair(
            erpnext_name=pair.erpnext_name,
            external_id=pair.external_id,
            state=PairState.UNFINISHED,
            creation=pair.creation,
            erpnext_stamp=pair.erpnext_stamp,
            source_stamp=pair.source_stamp,
            erpnext_seen=None,
            source_seen=None,
            erpnext_image=None if erpnext is None else encode_image(erpnext),
            source_image=None if source is None else encode_image(source),
            linked_erpnext=pair.linked_erpnext or (entry.link and side is Side.ERPNEXT),
            linked_source=pair.linked_source or (entry.link and side is Side.SOURCE),
            docstatus=pair.docstatus,
        ),
    )
