"""Absent is not deleted: what becomes of pairs that a complete pass did not meet, or that a side lists as deleted.

Each one is asked for by itself: found under its external id (or as the document with its `creation`): renamed; there
under its own key: it left the scope; not there: deleted. A refused question stops the mapping, it is never read as a
deletion. A side's own list of deletions only says whom to ask for, long before a complete pass does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from syncd.app.amendments import replaced
from syncd.app.context import Pass
from syncd.app.observe import Observation
from syncd.app.singles import all_unpaired
from syncd.app.staging import stage_rows
from syncd.app.tombstones import live_pairs, tombstone
from syncd.core.matching import Matcher
from syncd.core.model import Pair, PairState, Row, Side
from syncd.core.values import decode_image
from syncd.ports.state import Staged, StagedState

PAGE = 200


def judge_absent(run: Pass, observation: Observation, matcher: Matcher) -> None:
    """Stage what became of every pair that the pass over one side did not meet, and of its suspects."""
    for ids in _pages(_missing(run, observation)):
        look_again(run, observation.side, ids, matcher, present=StagedState.OUT)
        run.checkpoint()
    if not observation.complete:
        # Before a partner is made for it: a document that was there before under another name is not new.
        for ids in _pages(_newly_named(run, observation)):
            look_again(run, observation.side, ids, matcher, present=None)
            run.checkpoint()
        for ids in _pages(_told_deleted(run, observation)):
            look_again(run, observation.side, ids, matcher, present=None)
            run.checkpoint()


def look_again(
    run: Pass,
    side: Side,
    ids: Sequence[int],
    matcher: Matcher,
    *,
    present: StagedState | None = StagedState.NEW,
    known_gone: bool = False,
) -> None:
    """Read the records of these pairs on `side` afresh and stage them.

    `present` is the state of those still there; None: they are left alone. `known_gone`: they were asked for singly
    before, and only whether they are back is of interest.
    """
    pairs = live_pairs(run, ids)
    keys = [pair.key(side) for pair in pairs]
    rows = {row.key: row for row in run.endpoints[side].fetch([key for key in keys if key is not None])}
    amended = replaced(run, side, rows.values())
    lost = [pair for pair in pairs if not _is_there(pair, side, rows)]
    renamed = _renamed(run, side, lost) if lost else {}
    if not known_gone:
        rows |= _hidden(run, side, [pair for pair in lost if pair.id not in renamed], rows)
    gone = {pair.id for pair in lost if not _is_there(pair, side, rows)}
    staged: list[Staged] = []
    for pair in pairs:
        if pair.id in renamed:
            staged.extend(stage_rows(side, [(renamed[pair.id], pair.id)], matcher))
        elif pair.id in gone:
            staged.append(tombstone(run, pair, side))
        elif present is not None:
            name = pair.key(side) or ""
            row = stage_rows(side, [(amended.get(name) or rows[name], pair.id)], matcher)[0]
            staged.append(row if row.deleted else row._replace(state=present))
    with run.store.transaction(run.lease) as tx:
        tx.stage(staged)


def recheck_absent(run: Pass, matcher: Matcher) -> None:
    """Ask again for records that an earlier run took for deleted and that nothing was decided on: halted, held, killed.

    What was gone then may be back, and a feed does not show it again where its stamp did not move.
    """
    after = 0
    while page := run.store.work(run.mapping.name, after=after, limit=PAGE):
        after = page[-1].pair.id
        for side in Side:
            rows = [(work.pair.id, work.erpnext if side is Side.ERPNEXT else work.source) for work in page]
            ids = [pair for pair, row in rows if row is not None and row.deleted]
            if ids:
                look_again(run, side, ids, matcher, known_gone=True)


def _missing(run: Pass, observation: Observation) -> Iterator[int]:
    """Live pairs that were not met (only a complete pass tells), and pairs whose name was reused."""
    if not observation.complete:
        yield from sorted(observation.suspects)
        return
    for pair in run.store.pair_ids(run.mapping.name):
        if pair not in observation.seen or pair in observation.suspects:
            yield pair


def _told_deleted(run: Pass, observation: Observation) -> Iterator[int]:
    """Live pairs whose record the side itself lists as deleted since the cursor at which the pass began."""
    side = observation.side
    told = run.endpoints[side].deletions(observation.since, overlap=run.options.overlap)
    keys = [deletion.key for deletion in told]
    for deletion, entry in zip(told, run.store.known(run.mapping.name, side, keys, [None] * len(keys)), strict=True):
        if entry is None or entry.pair is None or entry.pair_state is PairState.ENDED or entry.key != deletion.key:
            continue
        later = entry.creation is not None and entry.creation > deletion.stamp
        if not later and entry.pair not in observation.seen:
            yield entry.pair


def _newly_named(run: Pass, observation: Observation) -> Iterator[int]:
    """Live pairs whose document carries the very `creation` of a document without a partner: it may be that one.

    That is how a rename looks in an incremental pass where documents do not carry the source's id.
    """
    if observation.side is Side.SOURCE:
        return
    new = [row.creation for row in all_unpaired(run, Side.ERPNEXT, [StagedState.NEW]) if row.creation is not None]
    for pair, _ in run.store.pairs_by_creation(run.mapping.name, new) if new else ():
        if pair.state is not PairState.ENDED and pair.id not in observation.seen:
            yield pair.id


def _pages(ids: Iterator[int]) -> Iterator[list[int]]:
    page: list[int] = []
    for pair in ids:
        page.append(pair)
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page


def _is_there(pair: Pair, side: Side, rows: dict[str, Row]) -> bool:
    """Whether the record is there under its own key, and is not a later document that took its name."""
    row = rows.get(pair.key(side) or "")
    if row is None:
        return False
    return row.creation is None or pair.creation is None or row.creation == pair.creation


def _hidden(run: Pass, side: Side, lost: Sequence[Pair], found: dict[str, Row]) -> dict[str, Row]:
    """Those records of lost pairs that are there after all, each asked for by itself."""
    keys = [key for pair in lost if (key := pair.key(side)) is not None and key not in found]
    return {row.key: row for row in run.endpoints[side].fetch_singly(keys)} if keys else {}


def _renamed(run: Pass, side: Side, lost: Sequence[Pair]) -> dict[int, Row]:
    """Lost pairs whose record is found under another key: by what it says of its partner, else by its `creation`."""
    by_partner = {pair.key(side.other): pair for pair in lost if pair.key(side.other)}
    found: dict[int, Row] = {}
    for row in run.endpoints[side].find([partner for partner in by_partner if partner]):
        pair = by_partner.get(row.partner)
        if pair is not None and not row.deleted:
            found[pair.id] = row
    rest = [pair for pair in lost if pair.id not in found and pair.creation is not None]
    return found | (_renamed_by_creation(run, rest) if rest and side is Side.ERPNEXT else {})


def _renamed_by_creation(run: Pass, lost: Sequence[Pair]) -> dict[int, Row]:
    """Lost pairs whose document stands, unpaired, under another name: the only one that was created at that moment."""
    wanted = {pair.creation: pair for pair in lost}
    found: dict[str, list[Staged]] = {}
    for staged in all_unpaired(run, Side.ERPNEXT, [each for each in StagedState if each is not StagedState.OUT]):
        if staged.creation in wanted and staged.partner in {None, wanted[staged.creation].external_id}:
            found.setdefault(staged.creation or "", []).append(staged)
    return {wanted[creation].id: _row(rows[0]) for creation, rows in found.items() if len(rows) == 1}


def _row(staged: Staged) -> Row:
    return Row(
        key=staged.key,
        stamp=staged.stamp,
        values=decode_image(staged.image),
        partner=staged.partner,
        creation=staged.creation,
        editor=staged.editor,
        docstatus=staged.docstatus,
    )
