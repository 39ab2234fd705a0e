"""Decide, page by page: from pairs and what was staged of them to decisions. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from syncd.app.asking import certain
from syncd.app.cases import Case, staged_row
from syncd.app.context import Pass, whole
from syncd.app.linking import forget_links, learn_chosen, learn_links
from syncd.app.questions import choice_of, told_stamp
from syncd.app.singles import all_unpaired
from syncd.core.model import OPEN_STATES, Image, Pair, PairState, Row, Side
from syncd.core.plan import Decision, Presence, Sight, Verdict, decide_pair
from syncd.core.strays import PARTNER, decide_stray
from syncd.core.values import decode_image
from syncd.ports.state import ConflictRecord, Staged, StagedState, Work

PAGE = 500


def open_conflicts(run: Pass) -> dict[int, ConflictRecord]:
    """Open conflicts of pairs, by pair id."""
    return {c.pair: c for c in run.store.conflicts(run.mapping.name) if c.pair is not None}


def cases(run: Pass, only: Collection[int] | None = None) -> Iterator[list[Case]]:
    """Decisions on every pair that has something to decide on, in pages; `only` leaves out all but these pairs."""
    conflicts = open_conflicts(run)
    forget_links(run)
    after = 0
    while page := run.store.work(run.mapping.name, after=after, limit=PAGE):
        wanted = page if only is None else [work for work in page if work.pair.id in only]
        if wanted:
            yield decide_page(run, wanted, conflicts)
        after = page[-1].pair.id


def decide_page(run: Pass, page: Sequence[Work], conflicts: Mapping[int, ConflictRecord]) -> list[Case]:
    """Decide on one page of pairs; sides of which nothing is known are read first."""
    pairs = {work.pair.id: _rebased(run, work) for work in page}
    fetched = {side: _fetch_unknown(run, page, pairs, side) for side in Side}
    decided = []
    seen: dict[int, dict[Side, Sight]] = {}
    for work in page:
        pair = pairs[work.pair.id]
        seen[pair.id] = {
            side: _sight(run, pair, side, staged_row(work, side)) or _asked(pair, side, fetched[side]) for side in Side
        }
        if _was_cut_short(run, pair, work.erpnext or fetched[Side.ERPNEXT].get(pair.erpnext_name or "")):
            seen[pair.id][Side.ERPNEXT] = replace(seen[pair.id][Side.ERPNEXT], ours=True)
    learn_links(run, [(side, sight.values) for sights in seen.values() for side, sight in sights.items()])
    learn_links(run, [(Side.SOURCE, pair.source) for pair in pairs.values() if pair.source is not None])
    claimed = _claimed(run, page)
    for work in page:
        pair, sights = pairs[work.pair.id], seen[work.pair.id]
        conflict = conflicts.get(pair.id)
        moved = follow_keys(pair, work)
        undated = {side: _is_undated(run, work, side, sights, conflict) for side in Side}
        sights = {side: replace(sights[side], undated=undated[side]) for side in Side}
        held = conflict is not None and conflict.kind == PARTNER
        decision = (
            _decide_replaced(moved, work, claimed)
            or decide_stray(run.mapping, pair, moved, sights, held=held)
            or decide_pair(run.mapping, moved, sights[Side.ERPNEXT], sights[Side.SOURCE])
        )
        choice = choice_of(conflict, decision) if conflict is not None else None
        if choice is not None:
            learn_chosen(run, choice)
            decision = decide_pair(run.mapping, moved, sights[Side.ERPNEXT], sights[Side.SOURCE], choice=choice)
        asked = {
            side: fetched[side][key]
            for side in Side
            if (key := pair.key(side)) in fetched[side] and _sight(run, pair, side, staged_row(work, side)) is None
        }
        decided.append(Case(moved, work, sights, decision, conflict, asked))
    return decided


def _is_emptied(work: Work) -> bool:
    """Whether a row does not carry the name of its document any more, which it did."""
    row = work.source
    return row is not None and not row.deleted and not row.partner and work.pair.linked_source


def _claimed(run: Pass, page: Sequence[Work]) -> dict[str, str]:
    """Rows without a pair by the document that they name, where a row of the page lost the name of its own."""
    if not any(_is_emptied(work) for work in page):
        return {}
    return {row.partner: row.key for row in all_unpaired(run, Side.SOURCE, [StagedState.HELD]) if row.partner}


def _decide_replaced(pair: Pair, work: Work, claimed: Mapping[str, str]) -> Decision | None:
    """Hold a pair whose row lost the name of the document to another row: ids may have been given anew in the source,
    and what stands under the old id be another record."""
    other = claimed.get(pair.erpnext_name or "") if _is_emptied(work) else None
    if other is None:
        return None
    text = (
        f"row {pair.external_id} of the source names no document any more, and row {other} names {pair.erpnext_name}, "
        f"which is paired with {pair.external_id}: ids seem to have been given anew. Empty the name in {other} where "
        f"{pair.external_id} is the record still; else give {pair.external_id} an id that was not there before."
    )
    return Decision(verdict=Verdict.HOLD, kind=PARTNER, text=text)


def _is_undated(
    run: Pass, work: Work, side: Side, sights: Mapping[Side, Sight], conflict: ConflictRecord | None
) -> bool:
    """Whether the stamp of a side says nothing about its last edit: what moved carries the stamp of the agreement.

    A record that was held stays so until a stamp moves.
    """
    if run.renewed:
        return False
    if conflict is not None:
        now = (told_stamp(run, sights, Side.ERPNEXT), told_stamp(run, sights, Side.SOURCE))
        return None not in now and now == (conflict.erpnext_stamp, conflict.source_stamp)
    staged = staged_row(work, side)
    if staged is None or staged.stamp is None or work.pair.state is not PairState.AGREED:
        return False
    return staged.stamp == work.pair.stamp(side)


def _was_cut_short(run: Pass, pair: Pair, document: Staged | Row | None) -> bool:
    """Whether a document may stand where it does because a transition of syncd's own was not finished: its pair is
    open, and nobody else has edited it since."""
    return document is not None and pair.state in OPEN_STATES and run.is_own(Side.ERPNEXT, document.editor)


def _rebased(run: Pass, work: Work) -> Pair:
    """The pair with its baselines in the order of the fields that are mapped now."""
    pair = work.pair
    return replace(
        pair,
        erpnext=None if pair.erpnext is None else run.rebase(Side.ERPNEXT, pair.erpnext, work.layout),
        source=None if pair.source is None else run.rebase(Side.SOURCE, pair.source, work.layout),
    )


def _fetch_unknown(run: Pass, page: Sequence[Work], pairs: Mapping[int, Pair], side: Side) -> dict[str, Row]:
    """Records of `side` of which neither a staged row nor a whole baseline tells: asked for by key."""
    keys = []
    for work in page:
        pair = pairs[work.pair.id]
        key = pair.key(side)
        if key is not None and _sight(run, pair, side, staged_row(work, side)) is None:
            keys.append(key)
    return {row.key: row for row in certain(run, side, keys)}


def _asked(pair: Pair, side: Side, fetched: Mapping[str, Row]) -> Sight:
    row = fetched.get(pair.key(side) or "")
    if row is None or row.deleted:
        return Sight(values=_nothing(pair, side), presence=Presence.DELETED)
    return Sight(values=row.values, stamp=row.stamp, partner=row.partner)


def _sight(run: Pass, pair: Pair, side: Side, staged: Staged | None) -> Sight | None:
    """A side as it stands: its staged row, else what it looked like when both agreed; None: unknown."""
    if staged is not None:
        presence = Presence.PRESENT
        if staged.deleted:
            presence = Presence.DELETED
        elif staged.state is StagedState.OUT:
            presence = Presence.OUT
        return Sight(
            values=decode_image(staged.image),
            stamp=staged.stamp,
            presence=presence,
            partner=staged.partner,
            mine=run.is_own(side, staged.editor),
        )
    baseline = pair.baseline(side)
    values = None if baseline is None else whole(baseline)
    if pair.state is PairState.PAUSED:
        # Its edits were not kept while it paused. A side that left the filters has no stamp (see commit).
        left = pair.stamp(side) is None
        return Sight(values=values or _nothing(pair, side), presence=Presence.OUT) if left else None
    if values is None or (pair.state is PairState.UNFINISHED and pair.stamp(side) is None):
        return None
    return Sight(values=values, stamp=pair.stamp(side))


def _nothing(pair: Pair, side: Side) -> Image:
    return (None,) * len(pair.baseline(side) or ())


def follow_keys(pair: Pair, work: Work) -> Pair:
    """The pair under the keys its rows carry now, and with what they say of their partners."""
    erpnext, source = work.erpnext, work.source
    name = erpnext.key if erpnext is not None and not erpnext.deleted else pair.erpnext_name
    external_id = source.key if source is not None and not source.deleted else pair.external_id
    renamed = name != pair.erpnext_name or external_id != pair.external_id
    linked_source = pair.linked_source
    if erpnext is not None and not erpnext.deleted:
        linked_erpnext = external_id is not None and erpnext.partner == external_id
        carried = erpnext.partner
    else:
        carried = pair.external_id if pair.linked_erpnext else None
        linked_erpnext = pair.linked_erpnext and external_id == pair.external_id
    if source is not None and not source.deleted:
        linked_source = name is not None and source.partner == name
    elif renamed:
        linked_source = False
    return replace(
        pair,
        erpnext_name=name,
        external_id=external_id,
        linked_erpnext=linked_erpnext,
        linked_source=linked_source,
        renumbered=bool(carried) and carried == pair.external_id != external_id,
        creation=erpnext.creation if erpnext is not None and erpnext.creation is not None else pair.creation,
        docstatus=erpnext.docstatus if erpnext is not None else pair.docstatus,
    )


def counts_as(decision: Decision) -> tuple[int, int]:
    """(updates, deletions) that a decision would do, for the guards."""
    if decision.verdict is not Verdict.WRITE:
        return 0, 0
    deletes = sum(write.action.removes for write in decision.writes)
    updates = any(write.values for write in decision.writes)
    return int(updates), deletes
