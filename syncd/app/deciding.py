"""Decide, page by page: from pairs and what was staged of them to decisions. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import orjson

from syncd.app.context import Pass, whole
from syncd.app.linking import forget_links, learn_chosen, learn_links
from syncd.core.documents import TRANSITION
from syncd.core.merge import Choice
from syncd.core.model import OPEN_STATES, Action, FieldConflict, Image, Pair, PairState, Raw, Row, Side
from syncd.core.plan import Decision, Presence, Sight, Verdict, decide_pair
from syncd.core.resolution import decode_resolution
from syncd.core.strays import PARTNER, decide_stray
from syncd.core.values import decode_image, digest, encode_image, parse_stamp
from syncd.errors import HeldError
from syncd.ports.state import ConflictRecord, Staged, StagedState, Work

PAGE = 500
NOTHING: Mapping[Side, Image] = {}
TRANSITIONS = frozenset({Action.SUBMIT, Action.CANCEL, Action.AMEND})


@dataclass(frozen=True, slots=True)
class Case:
    """One pair, what both sides hold of it, and what is to be done. `pair` carries rebased baselines."""

    pair: Pair
    work: Work
    sights: dict[Side, Sight]
    decision: Decision
    conflict: ConflictRecord | None = None
    """The conflict that is open on it."""
    asked: Mapping[Side, Row] = field(default_factory=dict)
    """Records that were not staged and had to be asked for."""

    def staged(self) -> list[int]:
        """Ids of its staged rows."""
        return [row.id for row in (self.work.erpnext, self.work.source) if row is not None]

    def mark(self, stored: Mapping[Side, Image] = NOTHING) -> bytes:
        """A digest of what both sides hold (`stored`, where they were written since) and of what a person decided:
        another one means a change, and that what was refused may be tried again."""
        erpnext, source = (stored.get(side, self.sights[side].values) for side in (Side.ERPNEXT, Side.SOURCE))
        decided = self.conflict.resolution if self.conflict is not None else None
        return digest(encode_image(erpnext + source) + (decided or b""))

    def moved(self) -> bool:
        """Whether a side carries another stamp than the pair has recorded."""
        return any(self.work.pair.stamp(side) != self.sights[side].stamp for side in Side)

    def row(self, side: Side) -> Staged | None:
        """Its staged row of `side`."""
        return _row(self.work, side)


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
            side: _sight(run, pair, side, _row(work, side)) or _asked(pair, side, fetched[side]) for side in Side
        }
        if _was_cut_short(run, pair, work.erpnext or fetched[Side.ERPNEXT].get(pair.erpnext_name or "")):
            seen[pair.id][Side.ERPNEXT] = replace(seen[pair.id][Side.ERPNEXT], ours=True)
    learn_links(run, [(side, sight.values) for sights in seen.values() for side, sight in sights.items()])
    for work in page:
        pair, sights = pairs[work.pair.id], seen[work.pair.id]
        conflict = conflicts.get(pair.id)
        moved = follow_keys(pair, work)
        undated = {side: _is_undated(run, work, side, sights, conflict) for side in Side}
        sights = {side: replace(sights[side], undated=undated[side]) for side in Side}
        held = conflict is not None and conflict.kind == PARTNER
        decision = decide_stray(run.mapping, pair, moved, sights, held=held) or decide_pair(
            run.mapping, moved, sights[Side.ERPNEXT], sights[Side.SOURCE]
        )
        choice = choice_of(conflict, decision) if conflict is not None else None
        if choice is not None:
            learn_chosen(run, choice)
            decision = decide_pair(run.mapping, moved, sights[Side.ERPNEXT], sights[Side.SOURCE], choice=choice)
        asked = {
            side: fetched[side][key]
            for side in Side
            if (key := pair.key(side)) in fetched[side] and _sight(run, pair, side, _row(work, side)) is None
        }
        decided.append(Case(moved, work, sights, decision, conflict, asked))
    return decided


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
    staged = _row(work, side)
    if staged is None or staged.stamp is None or work.pair.state is not PairState.AGREED:
        return False
    return staged.stamp == work.pair.stamp(side)


def _was_cut_short(run: Pass, pair: Pair, document: Staged | Row | None) -> bool:
    """Whether a document may stand where it does because a transition of syncd's own was not finished: its pair is
    open, and nobody else has edited it since."""
    return document is not None and pair.state in OPEN_STATES and run.is_own(Side.ERPNEXT, document.editor)


def _row(work: Work, side: Side) -> Staged | None:
    return work.erpnext if side is Side.ERPNEXT else work.source


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
        if key is not None and _sight(run, pair, side, _row(work, side)) is None:
            keys.append(key)
    return {row.key: row for row in run.endpoints[side].fetch(keys)} if keys else {}


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
    linked_erpnext, linked_source = pair.linked_erpnext, pair.linked_source
    if erpnext is not None and not erpnext.deleted:
        linked_erpnext = external_id is not None and erpnext.partner == external_id
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
        creation=erpnext.creation if erpnext is not None and erpnext.creation is not None else pair.creation,
        docstatus=erpnext.docstatus if erpnext is not None else pair.docstatus,
    )


def choice_of(conflict: ConflictRecord, decision: Decision) -> Choice | None:
    """A person's decision on a conflict; None where there is none, or what was shown is not what stands there now.

    Values are compared, not stamps: not every source has stamps, and edits of other fields change nothing about it.
    """
    if conflict.resolution is None:
        return None
    resolution = decode_resolution(conflict.resolution)
    if conflict.kind == TRANSITION and decision.verdict is Verdict.WRITE:
        # Refused by ERPNext: the decision on it is bound to the same transition, which is tried again.
        same = decision.state is not None and conflict.fields == _shown([decision.state])
        return resolution.choice if same and not resolution.moved else None
    if decision.verdict is not Verdict.HOLD:
        return None
    return None if resolution.moved or not _is_same_question(conflict, decision) else resolution.choice


def _is_same_question(conflict: ConflictRecord, decision: Decision) -> bool:
    return (conflict.kind, conflict.fields) == (decision.kind, shown_fields(decision))


def conflict_of(run: Pass, case: Case) -> ConflictRecord:
    """The conflict that a held decision opens."""
    decision = case.decision
    staged = case.row(Side.ERPNEXT)
    return ConflictRecord(
        mapping=run.mapping.name,
        kind=decision.kind,
        external_id=case.pair.external_id,
        erpnext_name=case.pair.erpnext_name,
        pair=case.pair.id,
        fields=shown_fields(decision),
        erpnext_stamp=told_stamp(run, case.sights, Side.ERPNEXT),
        source_stamp=told_stamp(run, case.sights, Side.SOURCE),
        editor=staged.editor if staged is not None else None,
        text=(decision.text or _conflict_text(decision)) + _not_carried_out(case),
        opened=run.clock.now(),
        run=run.run,
    )


def told_stamp(run: Pass, sights: Mapping[Side, Sight], side: Side) -> Raw:
    """A side's stamp with the offset of its zone, so that a person can compare the two; as it was read where the zone
    repeats that hour, or where it is no time."""
    raw, zone = sights[side].stamp, run.mapping.zone(side)
    stamp = parse_stamp(raw, zone) if isinstance(raw, str | datetime) else None
    if stamp is None or stamp.ambiguous:
        return raw
    offset = stamp.at.astimezone(ZoneInfo(zone)).utcoffset()
    return raw if offset is None else stamp.at.astimezone(timezone(offset))


def transition_conflict(run: Pass, case: Case, error: HeldError) -> ConflictRecord:
    """The conflict of a document whose transition only a person can decide on. A decision that was tried is spent."""
    text = f"{error.message} → {error.hint}" if error.hint else error.message
    decision = replace(case.decision, kind=TRANSITION, text=text)
    held = conflict_of(run, replace(case, decision=decision, conflict=None))
    return replace(
        held,
        text=text + _refused_again(case),
        fields=_shown([] if case.decision.state is None else [case.decision.state]),
    )


def decides(case: Case) -> bool:
    """Whether a person's decision on the record was noted when it was decided on."""
    return case.conflict is not None and case.conflict.resolution is not None


def _refused_again(case: Case) -> str:
    """What is said about a decision that was tried, or was made on something else than stands there now."""
    if case.conflict is None or case.conflict.resolution is None:
        return ""
    resolution = decode_resolution(case.conflict.resolution)
    what = "not carried out, since the record moved after it was shown" if resolution.moved else "tried, and refused"
    return f"; the decision ({resolution.text}) was {what}"


def _not_carried_out(case: Case) -> str:
    """What is said about a decision that was made on other values than stand there now."""
    if case.conflict is None or case.conflict.resolution is None:
        return ""
    resolution = decode_resolution(case.conflict.resolution)
    if not resolution.moved and _is_same_question(case.conflict, case.decision):
        return ""
    return f"; the decision ({resolution.text}) was not carried out, since the record moved after it was shown"


def shown_fields(decision: Decision) -> bytes:
    """The fields of a held decision as a person is shown them, as JSON."""
    return _shown(decision.conflicts)


def _shown(conflicts: Iterable[FieldConflict]) -> bytes:
    """`outcomes` stand with a document's state only: what taking either side does."""
    shown: list[dict[str, object]] = []
    for conflict in conflicts:
        names = ("field", "base", "erpnext", "source", "reason")
        shown.append({name: getattr(conflict, name) for name in names})
        if any(conflict.outcomes):
            shown[-1]["outcomes"] = dict(zip((side.value for side in Side), conflict.outcomes, strict=True))
    return orjson.dumps(shown, default=str)


def _conflict_text(decision: Decision) -> str:
    names = ", ".join(conflict.field for conflict in decision.conflicts)
    reasons = "; ".join(dict.fromkeys(conflict.reason for conflict in decision.conflicts if conflict.reason))
    text = f"both sides hold values of their own in {names}"
    return f"{text} ({reasons})" if reasons else text


def counts_as(decision: Decision) -> tuple[int, int]:
    """(updates, deletions) that a decision would do, for the guards."""
    if decision.verdict is not Verdict.WRITE:
        return 0, 0
    deletes = sum(write.action.removes for write in decision.writes)
    updates = any(write.values for write in decision.writes)
    return int(updates), deletes
