"""Absent is not deleted: what becomes of pairs that a complete pass did not meet.

Each one is asked for by itself: found under its external id (or as the document with its `creation`): renamed; there
under its own key: it left the scope; not there: deleted. A refused question stops the mapping, it is never read as a
deletion.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from syncd.app.context import Pass
from syncd.app.observe import Observation, stage_rows
from syncd.app.tombstones import live_pairs, tombstone
from syncd.core.matching import Matcher
from syncd.core.model import Pair, Row, Side
from syncd.ports.state import Staged, StagedState

PAGE = 200


def judge_absent(run: Pass, observation: Observation, matcher: Matcher) -> None:
    """Stage what became of every pair that the pass over one side did not meet, and of its suspects."""
    for ids in _pages(_missing(run, observation)):
        look_again(run, observation.side, ids, matcher, present=StagedState.OUT)
        run.checkpoint()


def look_again(
    run: Pass, side: Side, ids: Sequence[int], matcher: Matcher, *, present: StagedState = StagedState.NEW
) -> None:
    """Read the records of these pairs on `side` afresh and stage them; `present` is the state of those still there."""
    pairs = live_pairs(run, ids)
    keys = [pair.key(side) for pair in pairs]
    rows = {row.key: row for row in run.endpoints[side].fetch([key for key in keys if key is not None])}
    lost = [pair for pair in pairs if not _is_there(pair, side, rows)]
    renamed = _renamed(run, side, lost) if lost else {}
    gone = {pair.id for pair in lost}
    staged: list[Staged] = []
    for pair in pairs:
        if pair.id in renamed:
            staged.extend(stage_rows(side, [(renamed[pair.id], pair.id)], matcher))
        elif pair.id in gone:
            staged.append(tombstone(run, pair, side))
        else:
            row = stage_rows(side, [(rows[pair.key(side) or ""], pair.id)], matcher)[0]
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
                look_again(run, side, ids, matcher)


def _missing(run: Pass, observation: Observation) -> Iterator[int]:
    """Live pairs that were not met (only a complete pass tells), and pairs whose name was reused."""
    if not observation.complete:
        yield from sorted(observation.suspects)
        return
    for pair in run.store.pair_ids(run.mapping.name):
        if pair not in observation.seen or pair in observation.suspects:
            yield pair


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


def _renamed(run: Pass, side: Side, lost: Sequence[Pair]) -> dict[int, Row]:
    """Lost pairs whose record is found under another key by what it says of its partner."""
    by_partner = {pair.key(side.other): pair for pair in lost if pair.key(side.other)}
    found: dict[int, Row] = {}
    for row in run.endpoints[side].find([partner for partner in by_partner if partner]):
        pair = by_partner.get(row.partner)
        if pair is not None and not row.deleted:
            found[pair.id] = row
    return found
