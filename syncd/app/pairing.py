"""Pair: find who belongs to whom among staged rows without a partner.

By what the records themselves say (external id, ERPNext name), else by the match rules. One candidate seen from both
sides: adopted, and the pair exists from then on. Several: held, as a conflict of kind `match`. A record that names a
partner the other side does not have is a deletion there, never a new record: its pair is made and ended at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import orjson

from syncd.app.amendments import CANCELLED
from syncd.app.asking import certain
from syncd.app.context import Pass
from syncd.app.pairs import ended_pair
from syncd.app.rematching import rematch
from syncd.app.singles import all_unpaired, record_key
from syncd.core.identity import Digests, Edge, Matching, match_rows
from syncd.core.matching import Matcher
from syncd.core.model import PairState, Side
from syncd.core.values import decode_image, show
from syncd.ports.state import ConflictRecord, NewPair, Staged, StagedState, Transaction

PAGE = 1000
_SHOWN = 10
"""Candidates of an ambiguous match that a conflict lists."""


def pair_up(run: Pass, matcher: Matcher, *, fewer: bool = False) -> None:
    """Adopt what matches, hold what is ambiguous, end what names a partner that is gone.

    `fewer`: records without a partner are not there any more, which may settle what was ambiguous. What was adopted
    may be what a match rule of other records links to: these are looked at again.
    """
    rematch(run, matcher)
    _match(run, fewer=fewer)
    while rematch(run, matcher):
        _match(run, fewer=False)
    _close_settled(run)
    for side in Side:
        _end_orphans(run, side)


def _match(run: Pass, *, fewer: bool) -> None:
    _reconsider(run, fewer=fewer)
    edges = [Edge(rule, left, right) for rule, left, right in run.store.matches(run.mapping.name)]
    edges = _without_superseded(run, edges)
    if edges:
        matching = match_rows(edges, *_digests(run, edges))
        for matches in _chunks(matching.matches, PAGE):
            _adopt(run, matches)
            run.checkpoint()
        _hold(run, matching)


def _chunks(rows: Sequence[tuple[int, int]], size: int) -> Iterator[Sequence[tuple[int, int]]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _reconsider(run: Pass, *, fewer: bool) -> None:
    """Ambiguous rows are looked at anew whenever something without a partner is new or gone: it may settle them."""
    name = run.mapping.name
    new = any(run.store.unpaired(name, side, after=0, limit=1, states=[StagedState.NEW]) for side in Side)
    if not (new or fewer or run.full):
        return
    others = {
        (c.external_id, c.erpnext_name) for c in run.store.conflicts(name) if c.pair is None and c.kind != "match"
    }
    rows = (row for side in Side for row in all_unpaired(run, side, [StagedState.HELD]) if row.match)
    held = [row.id for row in rows if record_key(row) not in others]
    if held:
        with run.store.transaction(run.lease) as tx:
            tx.mark_staged([(staged, StagedState.NEW) for staged in held])


def _close_settled(run: Pass) -> None:
    """Conflicts of rows that are not held any more: what they matched was told apart, or is gone."""
    open_ones = [(c.external_id, c.erpnext_name) for c in run.store.conflicts(run.mapping.name) if c.pair is None]
    if not open_ones:
        return
    held = {record_key(row) for side in Side for row in all_unpaired(run, side, [StagedState.HELD])}
    settled = [key for key in open_ones if key not in held]
    if settled:
        with run.store.transaction(run.lease) as tx:
            tx.close_conflicts(settled)


def _without_superseded(run: Pass, edges: list[Edge]) -> list[Edge]:
    """A cancelled document is nobody's partner where its amendment, or another live document, is a candidate, too."""
    if run.mapping.spec.lifecycle is None:
        return edges
    candidates: dict[int, set[int]] = {}
    for edge in edges:
        candidates.setdefault(edge.source, set()).add(edge.erpnext)
    contested = sorted({document for several in candidates.values() if len(several) > 1 for document in several})
    rows = {row.id: row for ids in batched_ids(contested, PAGE) for row in run.store.staged(ids)}
    amended = {run.mapping.amended_from(decode_image(row.image)) for row in rows.values()}
    cancelled = {number for number, row in rows.items() if row.docstatus == CANCELLED}
    live = {source for source, several in candidates.items() if several - cancelled}
    return [
        edge
        for edge in edges
        if edge.erpnext not in cancelled or (edge.source not in live and rows[edge.erpnext].key not in amended)
    ]


def _digests(run: Pass, edges: Sequence[Edge]) -> tuple[dict[int, Digests], dict[int, Digests]]:
    """Match digests of the rows that a later rule brings together: only there an earlier one can contradict."""
    left = sorted({edge.erpnext for edge in edges if edge.rule > 0})
    right = sorted({edge.source for edge in edges if edge.rule > 0})
    return _load_digests(run, left), _load_digests(run, right)


def _load_digests(run: Pass, ids: Sequence[int]) -> dict[int, Digests]:
    found: dict[int, Digests] = {}
    for start in range(0, len(ids), PAGE):
        for row in run.store.staged(ids[start : start + PAGE]):
            found[row.id] = row.match
    return found


def _adopt(run: Pass, matches: Sequence[tuple[int, int]]) -> None:
    """Make pairs of matched rows and tie the rows to them; deciding on them is the same as on any other pair."""
    ids = [row for match in matches for row in match]
    rows = {row.id: row for row in run.store.staged(ids)}
    couples = [(rows[left], rows[right]) for left, right in matches if left in rows and right in rows]
    with run.store.transaction(run.lease) as tx:
        tx.add_pairs([adopted_pair(erpnext, source) for erpnext, source in couples], run.state.layout)
        _close(tx, [row for couple in couples for row in couple])
        tx.tie([(row.id, erpnext.key) for erpnext, source in couples for row in (erpnext, source)])
    run.counts.adopted += len(couples)
    run.noticed = True


def adopted_pair(erpnext: Staged, source: Staged) -> NewPair:
    """A pair that is tied but has not agreed yet: open until the first decision on it."""
    return NewPair(
        erpnext_name=erpnext.key,
        external_id=source.key,
        state=PairState.UNFINISHED,
        creation=erpnext.creation,
        erpnext_stamp=erpnext.stamp,
        source_stamp=source.stamp,
        erpnext_seen=erpnext.digest,
        source_seen=source.digest,
        erpnext_image=None,
        source_image=None,
        linked_erpnext=erpnext.partner == source.key,
        linked_source=source.partner == erpnext.key,
        docstatus=erpnext.docstatus,
    )


def _close(tx: Transaction, rows: Sequence[Staged]) -> None:
    tx.close_conflicts([record_key(row) for row in rows])
    tx.close_failures([record_key(row) for row in rows])


def _hold(run: Pass, matching: Matching) -> None:
    known = {(c.external_id, c.erpnext_name): c.fields for c in run.store.conflicts(run.mapping.name) if c.pair is None}
    taken = {row for match in matching.matches for row in match}
    for side, ambiguous in ((Side.ERPNEXT, matching.ambiguous_erpnext), (Side.SOURCE, matching.ambiguous_source)):
        for ids in batched_ids(sorted(ambiguous), PAGE):
            rows = run.store.staged(ids)
            conflicts = [_ambiguity(run, side, row, ambiguous[row.id]) for row in rows]
            fresh = [c for c in conflicts if known.get((c.external_id, c.erpnext_name)) != c.fields]
            with run.store.transaction(run.lease) as tx:
                tx.mark_staged([(row.id, StagedState.HELD) for row in rows])
                # Their candidates went to others: no rule tells any more whether they are new, until they change.
                stranded = [row for row in rows if taken.issuperset(ambiguous[row.id])]
                tx.stage([row._replace(state=StagedState.HELD, match=()) for row in stranded])
                tx.hold(fresh)
            run.noticed = run.noticed or bool(fresh)


def batched_ids(ids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """`ids` in slices of `size`."""
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def _ambiguity(run: Pass, side: Side, row: Staged, candidates: Sequence[int]) -> ConflictRecord:
    """Why a row is held: its candidates across, or that its only candidate has others."""
    others = run.store.staged(candidates[:_SHOWN])
    place = "the source" if side is Side.ERPNEXT else "ERPNext"
    if len(candidates) > 1:
        text = f"{len(candidates)} records of {place} match it: {', '.join(other.key for other in others)}"
        text += ", …" if len(candidates) > len(others) else ""
    else:
        text = f"it matches {others[0].key if others else 'a record'} of {place}, but so does another record"
    names = run.mapping.names(side)
    shown = [
        {"field": name, "base": None, side.value: show(value), side.other.value: None, "reason": ""}
        for name, value in zip(names, decode_image(row.image), strict=True)
    ]
    external_id, erpnext_name = record_key(row)
    return ConflictRecord(
        mapping=run.mapping.name,
        kind="match",
        external_id=external_id,
        erpnext_name=erpnext_name,
        pair=None,
        fields=orjson.dumps(shown),
        erpnext_stamp=row.stamp if side is Side.ERPNEXT else None,
        source_stamp=row.stamp if side is Side.SOURCE else None,
        editor=row.editor,
        text=text,
        opened=run.clock.now(),
        run=run.run,
    )


def _end_orphans(run: Pass, side: Side) -> None:
    """Rows that name a partner which is not there."""
    claimants = list(all_unpaired(run, side, [StagedState.NEW], claiming=True))
    for start in range(0, len(claimants), PAGE):
        rows = claimants[start : start + PAGE]
        partners = list(dict.fromkeys(row.partner for row in rows if row.partner))
        taken = {pair.key(side.other) for pair, _ in run.store.pairs_by_key(run.mapping.name, side.other, partners)}
        there = {found.key for found in certain(run, side.other, [key for key in partners if key not in taken])}
        # Of several that name one partner the first stands for it.
        first = {row.partner: row for row in reversed(rows)}
        gone = [row for partner, row in first.items() if partner not in there and partner not in taken]
        with run.store.transaction(run.lease) as tx:
            tx.add_pairs([ended_pair(row) for row in gone], run.state.layout)
            tx.unstage([row.id for row in gone])
            _close(tx, gone)
            ended = {row.id for row in gone}
            tx.mark_staged([(row.id, StagedState.UNMATCHED) for row in rows if row.id not in ended])
        run.counts.ended += len(gone)
        run.noticed = run.noticed or bool(gone)
