"""Recovery: operations that an earlier run left open are resolved by looking, before anything else.

A creation is asked for by its operation key (an endpoint that answers "not done" has made sure that a late first
attempt cannot do it any more); everything else is compared with what stands there now. What was done becomes the
baseline; what was not is decided anew. The rows concerned are read afresh and staged, whatever the feed's cursor says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from syncd.app.amendments import CANCELLED, replaced
from syncd.app.context import Pass
from syncd.app.linking import learn_links, link_key
from syncd.app.pairs import born_pair, owing
from syncd.app.resolving import content_of, moved_baseline, own_key, was_done
from syncd.app.reuse import reused_keys
from syncd.app.staging import pair_row
from syncd.core.journal import DONE, Entry, Outcome, decode_entries, encode_results, outcome_of
from syncd.core.merge import effective_direction
from syncd.core.model import Action, Image, Pair, PairState, Row, Side, Write
from syncd.core.values import decode_image, digest, encode_image
from syncd.errors import UnknownOutcomeError
from syncd.ports.endpoint import Done
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
            docstatus=entry.docstatus,
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
    given = [key for key in (own_key(entry, side.other) for entry in entries) if key]
    staged = {row.key: row for row in run.store.staged(_staged_singles(run, side.other, given))}
    # Meanwhile a feed may have shown what was made, and it was adopted.
    paired = {pair.key(side.other) for pair, _ in run.store.pairs_by_key(run.mapping.name, side.other, given)}
    reused = reused_keys(run, side, _without_partner(entries, rows or (), side, paired))
    pairs: list[NewPair] = []
    told: list[Outcome] = []
    for entry, write, row in zip(entries, writes, rows or [None] * len(entries), strict=True):
        told.append(ABANDONED if row is None else row.key)
        if own_key(entry, side.other) in paired or rows is None or (row is not None and row.key in reused.taken):
            continue
        origin = staged.get(own_key(entry, side.other) or "")
        pairs.append(_gone_pair(entry, side) if row is None else _recovered_pair(run, side, entry, write, row, origin))
    made = sum(pair.state is not PairState.ENDED for pair in pairs)
    run.counts.created[side.value] += made
    run.counts.ended += len(pairs) - made
    keys = [_given_key(side, entry) for entry in entries]
    settled = {pair.external_id if side is Side.ERPNEXT else pair.erpnext_name for pair in pairs}
    with run.store.transaction(run.lease) as tx:
        reused.write(tx)
        tx.add_pairs(pairs, run.state.layout)
        tx.unstage([row.id for row in staged.values() if row.key in settled])
        tx.mark_staged([(row.id, StagedState.NEW) for row in staged.values() if row.key not in settled])
        tx.close_failures(keys)
        state = OperationState.ABANDONED if rows is None else OperationState.DONE
        tx.finish([(operation.key, state, "", encode_results(told))])


def _without_partner(
    entries: Sequence[Entry], rows: Sequence[Row | None], side: Side, paired: Collection[str | None]
) -> list[Row]:
    """The rows that were made for records which have no pair yet."""
    return [
        row
        for entry, row in zip(entries, rows, strict=False)
        if row is not None and own_key(entry, side.other) not in paired
    ]


def _keep_in_doubt(run: Pass, operation: Operation, entries: Sequence[Entry], error: UnknownOutcomeError) -> None:
    """Nobody can tell yet. However their records are staged, edited or read anew: none is created a second time."""
    staged = _doubt(run, operation, entries)
    with run.store.transaction(run.lease) as tx:
        tx.mark_staged(staged)
        tx.finish([(operation.key, OperationState.OPEN, error.message, operation.results)])


def _doubt(run: Pass, operation: Operation, entries: Sequence[Entry]) -> list[tuple[int, StagedState]]:
    """Note that the records of a creation are in doubt; their staged rows, as they are to be marked."""
    giving = operation.side.other
    keys = [key for key in (own_key(entry, giving) for entry in entries) if key]
    run.doubtful[giving].update(keys)
    return [(number, StagedState.UNFINISHED) for number in _staged_singles(run, giving, keys)]


def _staged_singles(run: Pass, side: Side, keys: Sequence[str]) -> list[int]:
    """Ids of the rows without a partner that are staged under these keys: they may have been staged anew since."""
    known = run.store.known(run.mapping.name, side, keys, [None] * len(keys))
    return [entry.staged for entry in known if entry is not None and entry.pair is None and entry.staged is not None]


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
    learn_links(run, [(side, row.values), (side.other, decode_image(image))])
    pair = born_pair(run, side, origin, write, row, at_once=False)
    left_out = _left_out(run, side, entry, decode_image(image))
    pair = owing(run.mapping, side, pair, left_out) if left_out else pair
    # Unfinished, so that it is looked at in this run; without their stamps both records are read afresh, for they may
    # have moved since, and no feed shows that a second time.
    return pair._replace(state=PairState.UNFINISHED, erpnext_stamp=None, source_stamp=None)


def _left_out(run: Pass, side: Side, entry: Entry, origin: Image) -> list[str]:
    """Linked fields that a record was created without, in the names of `side`: they are still to be completed."""
    left_out = []
    for field in run.mapping.fields:
        name = field.spec.erpnext if side is Side.ERPNEXT else field.spec.source or ""
        at = field.source_at if side is Side.ERPNEXT else field.erpnext_at
        flows = effective_direction(run.mapping, field).reaches(side) and name not in entry.names
        if flows and origin and link_key(field, side.other, origin[at]) is not None:
            left_out.append(name)
    return left_out


def _recover_writes(run: Pass, operation: Operation, entries: Sequence[Entry]) -> None:
    """Updates, links and removals: read both records afresh; what is there decides."""
    pairs = _pairs_of(run, entries)
    here = operation.side
    rows = {side: _rows(run, side, entries) for side in Side}
    amended = _finish_amendments(run, entries, rows[Side.ERPNEXT]) if here is Side.ERPNEXT else {}
    stand = {side: {**held, **replaced(run, side, held.values())} for side, held in rows.items()}
    learn_links(run, [(side, row.values) for side, held in rows.items() for row in held.values()])
    learn_links(run, [(here.other, decode_image(entry.origin)) for entry in entries if entry.origin])
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
        row = amended.get(pair.id) or rows[here].get(own_key(entry, here) or "")
        done = pair.id in amended or was_done(run, here, entry, row, pair.baseline(here))
        told.append([DONE, "", "", ""] if done else ABANDONED)
        if done and (Action(entry.action).ends or _ends_by_cancelling(entry, rows[Side.SOURCE])):
            changes.append(_ended(pair, gone=entry.action != Action.DISABLE.value))
            unstage += _staged_of(run, pair)
            settled.append((pair.external_id, pair.erpnext_name))
            run.counts.ended += 1
            continue
        if done and row is not None:
            changes.append(moved_baseline(run, pair, here, entry, row))
        elif row is not None and _was_begun(run, entry, row):
            # Its pair is open, so that the cancellation is known to be syncd's own, and not the will of a person.
            changes.append(PairChange(pair.id, content_of(pair, PairState.UNFINISHED)))
        found = [(side, stand[side].get(own_key(entry, side) or "")) for side in Side]
        staged += [(side, held, pair.id) for side, held in found if held is not None]
    state = OperationState.DONE if any(outcome is not ABANDONED for outcome in told) else OperationState.ABANDONED
    with run.store.transaction(run.lease) as tx:
        tx.change_pairs(changes, run.state.layout)
        tx.unstage(unstage)
        tx.close_failures(settled)
        tx.close_conflicts(settled)
        tx.stage([pair_row(side, held, number) for side, held, number in staged])
        tx.finish([(operation.key, state, "", encode_results(told))])


def _ends_by_cancelling(entry: Entry, source: Mapping[str, Row]) -> bool:
    """Whether a document was cancelled because its record was deleted in the source: the pair has ended then."""
    row = source.get(entry.external_id or "")
    return entry.action == Action.CANCEL.value and (row is None or row.deleted)


def _finish_amendments(run: Pass, entries: Sequence[Entry], rows: Mapping[str, Row]) -> dict[int, Row]:
    """Amendments that were begun are gone on with: the new documents, by pair.

    Begun is one whose document syncd itself has cancelled; sending it again takes up where it stands. Anything else is
    decided anew.
    """
    begun = [
        (entry.pair, entry, row)
        for entry in entries
        if (row := rows.get(entry.erpnext_name or "")) is not None and entry.pair and _was_begun(run, entry, row)
    ]
    if not begun:
        return {}
    writes = [
        Write(
            action=Action.AMEND,
            side=Side.ERPNEXT,
            key=entry.erpnext_name,
            partner=entry.external_id,
            values=dict(zip(entry.names, entry.values, strict=True)),
            stamp=row.stamp,
            expected=row.values,
            link=entry.link,
            changes=entry.changes,
            pair=pair,
            docstatus=entry.docstatus,
        )
        for pair, entry, row in begun
    ]
    results = run.endpoints[Side.ERPNEXT].apply(writes)
    finished = {begun[index][0]: result.row for index, result in results if isinstance(result, Done)}
    run.counts.amended += len(finished)
    return finished


def _was_begun(run: Pass, entry: Entry, row: Row) -> bool:
    """Whether an amendment that was sent has come as far as the document's cancellation, or further."""
    open_one = entry.action == Action.AMEND.value and not entry.result
    return open_one and row.docstatus == CANCELLED and not run.is_foreign(Side.ERPNEXT, row)


def _pairs_of(run: Pass, entries: Sequence[Entry]) -> dict[int, Pair]:
    """The pairs of an operation's entries, by id, as far as they live and are stored in the present layout."""
    found = run.store.pairs_by_id(run.mapping.name, [entry.pair for entry in entries if entry.pair])
    return {pair.id: pair for pair, layout in found if pair.state is not PairState.ENDED and layout == run.state.layout}


def _rows(run: Pass, side: Side, entries: Iterable[Entry]) -> dict[str, Row]:
    keys = [own_key(entry, side) for entry in entries]
    return {row.key: row for row in run.endpoints[side].fetch([key for key in keys if key])}


def _staged_of(run: Pass, pair: Pair) -> list[int]:
    """Ids of a pair's staged rows."""
    page = run.store.work(run.mapping.name, after=pair.id - 1, limit=1)
    rows = [row for work in page if work.pair.id == pair.id for row in (work.erpnext, work.source)]
    return [row.id for row in rows if row is not None]


def _ended(pair: Pair, *, gone: bool) -> PairChange:
    """The pair as a tombstone; `gone`: its document is not there any more, and lets its name go."""
    content = content_of(pair, PairState.ENDED)
    return PairChange(pair.id, content._replace(erpnext_name=None) if gone else content)
