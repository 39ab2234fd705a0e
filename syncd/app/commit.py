"""What one decided pair comes to in the state store, once its writes were sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from syncd.app.amendments import left_at
from syncd.app.auditing import with_excuses
from syncd.app.births import WAITS_FOR_LINK
from syncd.app.cases import NOTHING, TRANSITIONS, Case
from syncd.app.context import Pass
from syncd.app.failures import failure_of, passing
from syncd.app.linking import links_to_lost
from syncd.app.pairs import owes_link, sent_over
from syncd.app.questions import conflict_of, decides, is_shown, told_stamp, transition_conflict
from syncd.app.staging import pair_row
from syncd.app.worked_out import without_worked_out
from syncd.core.documents import DOCUMENT, TRANSITION
from syncd.core.mapping import AMENDED_FROM, DOCSTATUS
from syncd.core.model import Action, Baseline, Image, PairState, Row, Side, Write
from syncd.core.plan import Presence, Sight, Verdict, baseline_after, decide_pair
from syncd.core.rows import agreed
from syncd.core.values import digest, encode_baseline, encode_image
from syncd.errors import BusyError, GoneError, HeldError, RecordError, RefusedError, StaleError
from syncd.ports.endpoint import Done, WriteResult
from syncd.ports.state import ConflictRecord, FailureRecord, NewPair, PairChange, Staged

Baselines: TypeAlias = tuple[Baseline, Baseline]
"""(ERPNext's, the source's)"""


@dataclass(slots=True, kw_only=True)
class Settled:
    """What is to be stored of one pair. `key` is (external id, ERPNext name)."""

    key: tuple[str | None, str | None]
    change: PairChange | None = None
    unstage: list[int] = field(default_factory=list)
    stage: list[Staged] = field(default_factory=list)
    conflict: ConflictRecord | None = None
    failure: FailureRecord | None = None
    settled: bool = False
    spent: bool = False
    """A person's decision was tried, and refused: it is not tried again."""
    again: bool = False
    left: FailureRecord | None = None
    """What is recorded where looking again comes to nothing in this run."""


def is_parked(run: Pass, case: Case) -> bool:
    """Whether this very content was refused for good before: it is tried again when either side changes."""
    return (case.pair.external_id, case.pair.erpnext_name, case.mark()) in run.parked


def waits_for_person(run: Pass, case: Case) -> bool:
    """Whether a transition that only a person can decide on stands as it stood when it was held.

    It is tried again when either record moves, when a person decides, and in full passes.
    """
    conflict = case.conflict
    if conflict is None or conflict.kind != TRANSITION or conflict.resolution is not None or run.full:
        return False
    stamps = (told_stamp(run, case.sights, Side.ERPNEXT), told_stamp(run, case.sights, Side.SOURCE))
    return (conflict.erpnext_stamp, conflict.source_stamp) == stamps


def settle_case(run: Pass, case: Case, results: Mapping[Side, WriteResult]) -> Settled:
    """Turn a decision and what became of its writes into what is stored."""
    outcome = Settled(key=(case.pair.external_id, case.pair.erpnext_name))
    verdict = case.decision.verdict
    if verdict is Verdict.WRITE:
        _after_writes(run, case, results, outcome)
    elif verdict is Verdict.HOLD:
        _hold(run, case, outcome)
    elif verdict is Verdict.FAIL and not is_parked(run, case):
        error: RecordError = RefusedError(
            case.decision.text, hint="Correct the value, or the field's line in the mapping."
        )
        if case.decision.waiting:
            error, run.waiting = BusyError(case.decision.text, hint=WAITS_FOR_LINK), True
        _fail(run, case, Side.ERPNEXT, Action.UPDATE, error, outcome)
        if outcome.failure is not None and case.decision.waiting and run.was_told(outcome.failure):
            outcome.failure = None
        if outcome.failure is not None or case.work.pair.state is not PairState.FAILED or case.moved():
            outcome.change = _state_only(case, PairState.FAILED)
    elif verdict is Verdict.FAIL:
        _note_stamps(case, outcome)
    else:
        _close(run, case, outcome)
    if not outcome.settled:
        # What was asked for is decided on again, and no feed shows it a second time.
        done = {side for side, result in results.items() if isinstance(result, Done)}
        outcome.stage += [pair_row(side, row, case.pair.id) for side, row in case.asked.items() if side not in done]
    if outcome.change is not None:
        outcome.change = with_excuses(run, case, results, outcome.change)
    return outcome


def _note_stamps(case: Case, outcome: Settled) -> None:
    """Nothing changes but what was last seen: else a restored backup would be suspected of it for ever."""
    if case.moved():
        outcome.change = _state_only(case, case.pair.state)


def _close(run: Pass, case: Case, outcome: Settled) -> None:
    """Nothing is to be written: settled, ended or paused."""
    if case.decision.verdict is Verdict.SETTLE:
        sights = (case.sights[Side.ERPNEXT].values, case.sights[Side.SOURCE].values)
        baselines: Baselines = agreed(run.mapping, _base(case), sights)
        if case.decision.owed:
            baselines = baseline_after(run.mapping, _base(case), sights, (None, None), case.decision.owed)
        outcome.change = _changed(case, PairState.AGREED, baselines, {})
    elif case.decision.verdict is Verdict.END:
        outcome.change = _ended(case)
    else:
        outcome.change = _paused(case)
    outcome.unstage = case.staged()
    outcome.settled = True


def _ended(case: Case) -> PairChange:
    """The pair as a tombstone. A deleted document's name is let go: ERPNext may give it to another document."""
    change = _state_only(case, PairState.ENDED)
    if case.sights[Side.ERPNEXT].presence is Presence.PRESENT:
        return change
    return PairChange(change.id, change.content._replace(erpnext_name=None))


def _paused(case: Case) -> PairChange:
    """The pair paused. The side that left the filters loses its stamp, which says so until it is back."""
    change = _state_only(case, PairState.PAUSED)
    out = {side for side in Side if case.sights[side].presence is Presence.OUT}
    return PairChange(
        change.id,
        change.content._replace(
            erpnext_stamp=None if Side.ERPNEXT in out else change.content.erpnext_stamp,
            source_stamp=None if Side.SOURCE in out else change.content.source_stamp,
        ),
    )


def _hold(run: Pass, case: Case, outcome: Settled) -> None:
    conflict = conflict_of(run, case)
    if case.conflict is None or not is_shown(case.conflict, conflict, case):
        outcome.conflict = conflict
    if case.pair != case.work.pair or case.pair.state is not PairState.HELD or case.moved():
        outcome.change = _state_only(case, PairState.HELD)


def _after_writes(run: Pass, case: Case, results: Mapping[Side, WriteResult], outcome: Settled) -> None:
    writes = {write.side: write for write in case.decision.writes}
    failed = next(((side, result.error) for side, result in results.items() if not isinstance(result, Done)), None)
    stored = {side: result.row.values for side, result in results.items() if isinstance(result, Done)}
    owed = {side: write for side, write in writes.items() if side not in stored}
    if not results:  # parked: refused for good before, with this very content
        _note_stamps(case, outcome)
        return
    if case.decision.ends:
        _after_removal(run, case, writes, failed, outcome)
        return
    pending = case.decision.owed.union(change.field for write in owed.values() for change in write.changes)
    baselines = _baselines(run, case, results, pending)
    # A written side's staged row is history: its new image is the baseline.
    outcome.unstage = [row.id for row in (case.row(done) for done in stored) if row is not None]
    if failed is None:
        renamed = owes_link(run.mapping, Side.SOURCE) and _is_renamed(case, results)
        outcome.change = _changed(case, PairState.UNFINISHED if renamed else PairState.AGREED, baselines, results)
        outcome.unstage = case.staged()
        outcome.settled = True
        foreign = [
            (side, result.row)
            for side, result in _done(results)
            if run.is_foreign(side, result.row) or (side is Side.ERPNEXT and _told_more(run, case, result.row))
        ]
        outcome.stage = [pair_row(side, row, case.pair.id) for side, row in foreign]
        outcome.again = bool(foreign) or renamed
        return
    side, error = failed
    # The baseline of a side that was written holds old values where a write is owed: what it holds now is kept apart.
    outcome.stage = [pair_row(done, result.row, case.pair.id) for done, result in _done(results)]
    if isinstance(error, StaleError | GoneError):
        _look_again(run, case, side, writes[side].action, error, outcome)
        if stored:
            outcome.change = _changed(case, PairState.UNFINISHED, baselines, results)
        return
    if isinstance(error, HeldError):
        outcome.spent = decides(case)
        row = left_at(run, writes[side])
        if row is None:
            outcome.conflict = transition_conflict(run, case, error)
            outcome.change = _changed(case, PairState.HELD, baselines, results)
        else:
            _half_amended(run, case, row, error, pending, outcome)
        return
    outcome.change = _changed(case, PairState.FAILED, baselines, results)
    if case.pair.renumbered and Side.ERPNEXT not in stored:
        # It takes its row's new id once the document carries that: until then the next run is to see what is owed.
        content = outcome.change.content._replace(external_id=case.work.pair.external_id, linked_erpnext=True)
        outcome.change = PairChange(outcome.change.id, content)
    _fail(run, case, side, writes[side].action, _as_retried(run, writes[side], error), outcome, stored)


def _is_renamed(case: Case, results: Mapping[Side, WriteResult]) -> bool:
    """Whether the pair goes on under the name of an amendment, which its record does not know yet."""
    return any(side is Side.ERPNEXT and result.row.key != case.pair.erpnext_name for side, result in _done(results))


def _half_amended(run: Pass, case: Case, row: Row, error: HeldError, pending: frozenset[str], outcome: Settled) -> None:
    """The document is cancelled, and its amendment is refused: it waits as a draft, or is not there at all.

    The pair goes on with the draft, whose fields have agreed. The document's state has not: it is syncd's to finish
    (`Sight.ours`), and never the will of a person.
    """
    seen = Sight(values=row.values, stamp=row.stamp, partner=row.partner, ours=True)
    stands = replace(case, sights={**case.sights, Side.ERPNEXT: seen})
    baselines = _base(case)
    if row.key != case.pair.erpnext_name:
        stands = replace(
            stands, pair=replace(case.pair, erpnext_name=row.key, creation=row.creation, linked_source=False)
        )
        [sent] = [write for write in case.decision.writes if write.side is Side.ERPNEXT]
        owed = (pending - {change.field for change in sent.changes}) | {DOCUMENT}
        baselines = _baselines(run, stands, {Side.ERPNEXT: Done(row)}, owed)
    outcome.change = _changed(stands, PairState.HELD, baselines, {})
    if baselines is not None:
        pair = replace(stands.pair, erpnext=baselines[0], source=baselines[1])
        decision = decide_pair(run.mapping, pair, seen, stands.sights[Side.SOURCE])
        state = decision.state or next(iter(decision.conflicts), None)
        stands = replace(stands, decision=replace(stands.decision, state=state))
    outcome.conflict = transition_conflict(run, stands, error)
    outcome.unstage = [staged.id for staged in [case.row(Side.ERPNEXT)] if staged is not None]
    outcome.stage = [pair_row(Side.ERPNEXT, row, case.pair.id)]


def _look_again(run: Pass, case: Case, side: Side, action: Action, error: RecordError, outcome: Settled) -> None:
    """It moved under our hands: it is looked at again in this run; `left` is told where that never comes to rest."""
    outcome.again = True
    hint = "Somebody goes on editing it; the next run tries again."
    outcome.left = _failure(run, case, side, action, BusyError(error.message, hint=hint), case.mark())


def _done(results: Mapping[Side, WriteResult]) -> list[tuple[Side, Done]]:
    return [(side, result) for side, result in results.items() if isinstance(result, Done)]


def _after_removal(
    run: Pass,
    case: Case,
    writes: Mapping[Side, Write],
    failed: tuple[Side, RecordError] | None,
    outcome: Settled,
) -> None:
    if failed is None:
        outcome.change = _ended(case)
        outcome.unstage = case.staged()
        outcome.settled = True
        return
    side, error = failed
    if isinstance(error, StaleError | GoneError):
        _look_again(run, case, side, writes[side].action, error, outcome)
        return
    if isinstance(error, HeldError):
        outcome.spent = decides(case)
        outcome.conflict = transition_conflict(run, case, error)
        outcome.change = _state_only(case, PairState.HELD)
        return
    outcome.change = _state_only(case, PairState.FAILED)
    _fail(run, case, side, writes[side].action, _as_retried(run, writes[side], error), outcome)


def _as_retried(run: Pass, write: Write, error: RecordError) -> RecordError:
    """What every run tries again: a transition that is refused and not held (it lacks a right, or goes by
    `submit_fails = "rollback"`), and what links to a record that was renamed or deleted a moment ago."""
    return passing(error) if write.action in TRANSITIONS or links_to_lost(run, write, error) else error


def _told_more(run: Pass, case: Case, row: Row) -> bool:
    """Whether the write made ERPNext work something out anew that the source has yet to be told."""
    before = case.sights[Side.ERPNEXT].values
    return case.pair.erpnext is not None and without_worked_out(run.mapping, row.values, before) != row.values


def _sent(run: Pass, write: Write, before: Image, row: Row) -> Image:
    """What the record looked like right after the write. Where a document stands is told by the write as well: a person
    may have submitted or cancelled it since."""
    image = list(sent_over(run, write.side, before, write))
    if write.action in TRANSITIONS:
        names = run.mapping.erpnext_fields
        image[names.index(DOCSTATUS)] = write.docstatus
        image[names.index(AMENDED_FROM)] = row.values[names.index(AMENDED_FROM)]
    return tuple(image)


def _base(case: Case) -> Baselines | None:
    pair = case.pair
    return None if pair.erpnext is None or pair.source is None else (pair.erpnext, pair.source)


def _baselines(run: Pass, case: Case, results: Mapping[Side, WriteResult], pending: frozenset[str]) -> Baselines:
    """The baselines after the writes that were done."""
    stored: dict[Side, Image | None] = {Side.ERPNEXT: None, Side.SOURCE: None}
    for write in case.decision.writes:
        result = results.get(write.side)
        if isinstance(result, Done):
            values = result.row.values
            # Somebody edited it before it was read back: only what was sent is known to have been agreed.
            before = case.sights[write.side].values
            foreign = run.is_foreign(write.side, result.row)
            known = _sent(run, write, before, result.row) if foreign else values
            if write.side is Side.ERPNEXT and case.pair.erpnext is not None:
                known = without_worked_out(run.mapping, known, before)
            stored[write.side] = known
    sights = (case.sights[Side.ERPNEXT].values, case.sights[Side.SOURCE].values)
    done = [write for write in case.decision.writes if isinstance(results.get(write.side), Done)]
    images = (stored[Side.ERPNEXT], stored[Side.SOURCE])
    return baseline_after(run.mapping, _base(case), sights, images, pending, done)


def _fail(
    run: Pass,
    case: Case,
    side: Side,
    action: Action,
    error: RecordError,
    outcome: Settled,
    stored: Mapping[Side, Image] = NOTHING,
) -> None:
    outcome.failure = _failure(run, case, side, action, error, case.mark(stored))


def _failure(run: Pass, case: Case, side: Side, action: Action, error: RecordError, mark: bytes) -> FailureRecord:
    write = next((write for write in case.decision.writes if write.side is side), None)
    return failure_of(
        run,
        side=side,
        action=action,
        external_id=case.pair.external_id,
        erpnext_name=case.pair.erpnext_name,
        error=error,
        digest=mark,
        values={} if write is None else write.values,
    )


def _changed(
    case: Case, state: PairState, baselines: Baselines | None, results: Mapping[Side, WriteResult]
) -> PairChange:
    """The pair's whole new content: baselines, stamps, digests of what was last seen, links."""
    pair = case.pair
    rows = {side: result.row for side, result in results.items() if isinstance(result, Done)}
    encoded: dict[Side, bytes | None] = dict.fromkeys(Side)
    if baselines is not None:
        encoded = {side: encode_baseline(image) for side, image in zip(Side, baselines, strict=True)}
    linked = {Side.ERPNEXT: pair.linked_erpnext, Side.SOURCE: pair.linked_source}
    for write in case.decision.writes:
        if write.link and write.side in rows:
            linked[write.side] = True
    seen = {
        side: digest(encode_image(rows[side].values if side in rows else case.sights[side].values)) for side in Side
    }
    document = rows.get(Side.ERPNEXT)
    if document is not None and document.key != pair.erpnext_name:
        linked[Side.SOURCE] = False  # the source's record names the document before
    stamps = {side: rows[side].stamp if side in rows else case.sights[side].stamp for side in Side}
    return PairChange(
        pair.id,
        NewPair(
            # An amendment goes on under the new document's name.
            erpnext_name=pair.erpnext_name if document is None else document.key,
            external_id=pair.external_id,
            state=state,
            creation=pair.creation if document is None or document.creation is None else document.creation,
            erpnext_stamp=stamps[Side.ERPNEXT],
            source_stamp=stamps[Side.SOURCE],
            erpnext_seen=seen[Side.ERPNEXT],
            source_seen=seen[Side.SOURCE],
            erpnext_image=encoded[Side.ERPNEXT],
            source_image=encoded[Side.SOURCE],
            linked_erpnext=linked[Side.ERPNEXT],
            linked_source=linked[Side.SOURCE],
            docstatus=pair.docstatus if document is None else document.docstatus,
        ),
    )


def _state_only(case: Case, state: PairState) -> PairChange:
    """The pair in another state; its baselines stay as they were."""
    return _changed(case, state, _base(case), {})
