"""Observe: read a side's feed page by page, drop what is unchanged, stage the rest.

A row that equals what was last seen of it (digest) costs one look-up and no write; nothing is converted. What was seen
is kept apart from what was agreed, and the row of an open pair is never dropped. A cursor moves in the transaction that
stages its rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from syncd.app.amendments import amended, is_old, predecessors
from syncd.app.context import Pass
from syncd.app.failures import failure_of
from syncd.app.linking import learn_links
from syncd.app.singles import Seen, forget_absent, standing
from syncd.app.staging import stage_row, stage_single
from syncd.app.tombstones import count_gone, live_pairs, tombstone
from syncd.core.guards import emptied_side
from syncd.core.matching import Matcher
from syncd.core.model import OPEN_STATES, Action, PairState, Raw, Row, Side
from syncd.core.values import digest, encode_image
from syncd.errors import HaltError, RefusedError
from syncd.ports.endpoint import Page, RowProblem
from syncd.ports.state import ConflictRecord, FailureRecord, Known, Staged, StagedState, Transaction

COMMIT_ROWS = 5000
"""Rows staged in one transaction: large enough that flushing to disk does not dominate, small enough to stay flat."""

_WATCHED = OPEN_STATES | {PairState.PAUSED}


@dataclass(slots=True)
class Observation:
    """What one side's feed showed. `suspects` are pairs whose record is not what it was (its name was reused)."""

    side: Side
    complete: bool
    since: str | None = None
    """The cursor at which the pass began."""
    rows: int = 0
    seen: Seen = field(default_factory=Seen)
    suspects: set[int] = field(default_factory=set)
    problems: set[str] = field(default_factory=set)
    """Keys of records whose id cannot stand for them."""
    singles: Seen = field(default_factory=Seen)
    """Staged rows without a partner that were met."""
    fewer: bool = False
    """Records without a partner are not there any more."""


@dataclass(slots=True)
class _Batch:
    """What one transaction of staging will write."""

    stage: list[Staged] = field(default_factory=list)
    unstage: list[int] = field(default_factory=list)
    touch: list[tuple[int, Raw]] = field(default_factory=list)
    touch_staged: list[tuple[int, Raw]] = field(default_factory=list)
    claims: list[tuple[Row, Known]] = field(default_factory=list)
    """Rows that name another record's partner: renamed, or a copy."""
    conflicts: list[ConflictRecord] = field(default_factory=list)
    failures: list[FailureRecord] = field(default_factory=list)
    free: list[int] = field(default_factory=list)
    """Pairs whose name another document bears now."""
    tombstones: list[Staged] = field(default_factory=list)
    """For those of them that have not ended: gone, unless they are found under another name."""

    def replace(self, row: Staged) -> None:
        """Stage the newest document of a chain in place of those that it stands for."""
        self.stage = [staged for staged in self.stage if staged.pair != row.pair]
        self.stage.append(row)

    def touch_known(self, entry: Known, pair: int, stamp: Raw) -> None:
        """The record moved, its mapped values did not."""
        self.touch.append((pair, stamp))
        if entry.staged is not None:
            self.touch_staged.append((entry.staged, stamp))

    def write(self, side: Side, tx: Transaction) -> None:
        """Put everything into one transaction."""
        if self.free:
            tx.free_names(self.free)
        if self.unstage:
            tx.unstage(self.unstage)
        if self.stage or self.tombstones:
            found = {row.pair for row in self.stage}
            tx.stage([row for row in self.tombstones if row.pair not in found] + self.stage)
        if self.touch:
            tx.touch(side, self.touch)
        if self.touch_staged:
            tx.touch_staged(self.touch_staged)
        if self.conflicts:
            tx.hold(self.conflicts)
        if self.failures:
            tx.fail(self.failures)


def observe(run: Pass, side: Side, matcher: Matcher) -> Observation:
    """Read one side: what changed since its cursor, or everything in a full pass.

    Raises `UnreachableError` when the feed breaks off (the observation fails, it is never shortened) and `HaltError`
    when a complete pass finds a side empty that has pairs.
    """
    endpoint = run.endpoints[side]
    capabilities = endpoint.capabilities()
    cursor = run.state.erpnext_cursor if side is Side.ERPNEXT else run.state.source_cursor
    complete = run.full or not capabilities.incremental or cursor is None
    result = Observation(side=side, complete=complete, since=cursor)
    before = standing(run, side) if complete else Seen()
    pages = endpoint.scan() if run.full else endpoint.changes(cursor, overlap=run.options.overlap)
    high = cursor
    for group in _groups(pages):
        batch = _Batch()
        for page in group:
            _sift_page(run, side, page.rows, matcher, result, batch)
            _note_problems(run, side, page.problems, result, batch)
            result.rows += len(page.rows)
        _settle_claims(run, side, batch, matcher)
        high = group[-1].cursor or high
        with run.store.transaction(run.lease) as tx:
            batch.write(side, tx)
            if not run.full:
                _set_cursor(run, side, high, tx)
        run.counts.seen[side.value] = result.rows
        run.progress(f"reading {capabilities.seen_by}", result.rows, None)
        run.checkpoint()
    if complete:
        _guard_emptied(run, side, result)
        _close_problems(run, side, result)
        result.fewer |= forget_absent(run, side, before, result.singles)
    if run.full and high is not None:
        # Only now: a full pass that was killed has not seen what a later cursor would take for seen.
        with run.store.transaction(run.lease) as tx:
            _set_cursor(run, side, high, tx)
    return result


def _groups(pages: Iterator[Page]) -> Iterator[list[Page]]:
    """Pages in groups of about `COMMIT_ROWS` rows."""
    group: list[Page] = []
    rows = 0
    for page in pages:
        group.append(page)
        rows += len(page.rows)
        if rows >= COMMIT_ROWS:
            yield group
            group, rows = [], 0
    if group:
        yield group


def _set_cursor(run: Pass, side: Side, cursor: str | None, tx: Transaction) -> None:
    if side is Side.ERPNEXT:
        run.state = replace(run.state, erpnext_cursor=cursor)
    else:
        run.state = replace(run.state, source_cursor=cursor)
    tx.set_state(run.state)


def _guard_emptied(run: Pass, side: Side, result: Observation) -> None:
    if run.options.force or result.rows:
        return
    # Those that are known to be gone were asked for one by one: they empty nothing a second time.
    halt = emptied_side(side, result.rows, run.store.totals(run.mapping.name).pairs - count_gone(run, side))
    if halt is not None:
        raise HaltError(halt.guard, halt.message, hint=halt.hint)


def _note_problems(run: Pass, side: Side, problems: Sequence[RowProblem], result: Observation, batch: _Batch) -> None:
    """Records whose id cannot stand for them fail under a name; they are not absent."""
    if not problems:
        return
    keys = [problem.key for problem in problems]
    for entry in run.store.known(run.mapping.name, side, keys, [None] * len(keys)):
        if entry is not None and entry.pair is not None:
            result.seen.add(entry.pair)
    result.rows += len(problems)
    result.problems.update(keys)
    for problem in problems:
        record = (problem.key, None) if side is Side.SOURCE else (None, problem.key)
        mark = digest(encode_image((problem.key, problem.reason)))
        if (*record, mark) in run.parked:
            continue
        run.noticed = True
        batch.failures.append(
            failure_of(
                run,
                side=side,
                action=Action.CREATE,
                external_id=record[0],
                erpnext_name=record[1],
                error=RefusedError(problem.reason, hint="Give the record an id of its own."),
                digest=mark,
                values={},
            )
        )


def _close_problems(run: Pass, side: Side, result: Observation) -> None:
    """Ids that were in the way and are not any more: a complete pass has not met them again."""
    solved: list[tuple[str | None, str | None]] = []
    for failure in run.store.failures(run.mapping.name):
        own, across = failure.external_id, failure.erpnext_name
        if side is Side.ERPNEXT:
            own, across = across, own
        if failure.side is side and failure.action is Action.CREATE and across is None and own not in result.problems:
            solved.append((failure.external_id, failure.erpnext_name))
    if solved:
        with run.store.transaction(run.lease) as tx:
            tx.close_failures(solved)


def _sift_page(
    run: Pass, side: Side, rows: Sequence[Row], matcher: Matcher, result: Observation, batch: _Batch
) -> None:
    """Sort the rows of one page into what is dropped, touched and staged."""
    if not rows:
        return
    known = run.store.known(run.mapping.name, side, [row.key for row in rows], [row.partner for row in rows])
    if matcher.linked:
        learn_links(run, [(side, row.values) for row in rows if row.values])
    moved = amended(run, side, rows, known)
    for place, (row, entry) in enumerate(zip(rows, known, strict=True)):
        image = encode_image(row.values)
        mark = digest(image)
        if place in moved:
            _sift_amendment(run, row, image, mark, moved[place], entry, matcher, result, batch)
        elif entry is None:
            if not row.deleted:
                batch.stage.append(stage_single(run, side, row, image, mark, matcher))
        elif entry.pair is None:
            _sift_single(run, side, row, image, mark, entry, matcher, result, batch)
        else:
            _sift_pair(run, side, row, image, mark, entry, matcher, result, batch)


def _sift_amendment(
    run: Pass,
    row: Row,
    image: bytes,
    mark: bytes,
    pair: int | None,
    entry: Known | None,
    matcher: Matcher,
    result: Observation,
    batch: _Batch,
) -> None:
    """A document that stands for a paired one: the pair goes on with it. Where that has ended (None), nothing is made
    for it anew."""
    known = entry.staged if entry is not None else None
    if pair is None:
        staged = stage_single(run, Side.ERPNEXT, row, image, mark, matcher)
        batch.stage.append(staged._replace(state=StagedState.UNMATCHED, match=()))
        if known is not None:
            result.singles.add(known)
        return
    result.seen.add(pair)
    batch.replace(stage_row(Side.ERPNEXT, row, image, mark, pair, matcher))
    if known is not None:
        batch.unstage.append(known)


def _sift_single(
    run: Pass,
    side: Side,
    row: Row,
    image: bytes,
    mark: bytes,
    entry: Known,
    matcher: Matcher,
    result: Observation,
    batch: _Batch,
) -> None:
    """A row without a partner that was staged before."""
    if entry.staged is None:  # a known key has a pair or a staged row
        raise AssertionError("the store knows a key without a pair and without a staged row")
    result.singles.add(entry.staged)
    if row.deleted and entry.staged_state is not StagedState.UNFINISHED:
        batch.unstage.append(entry.staged)
        result.fewer = True
    elif mark != entry.digest or run.renewed:
        batch.stage.append(stage_single(run, side, row, image, mark, matcher))
    elif row.stamp != entry.stamp:
        batch.touch_staged.append((entry.staged, row.stamp))


def _sift_pair(
    run: Pass,
    side: Side,
    row: Row,
    image: bytes,
    mark: bytes,
    entry: Known,
    matcher: Matcher,
    result: Observation,
    batch: _Batch,
) -> None:
    """A row of a pair: dropped when it is as it was last seen."""
    if entry.pair is None:  # rows without a pair go through _sift_single
        raise AssertionError("called for rows of pairs only")
    if entry.key != row.key:
        batch.claims.append((row, entry))
        return
    if row.creation is not None and entry.creation is not None and row.creation != entry.creation:
        # The name belongs to another document now: what became of the old one is asked for by itself.
        batch.free.append(entry.pair)
        if entry.pair_state is not PairState.ENDED:
            result.suspects.add(entry.pair)
            batch.tombstones.extend(tombstone(run, pair, side) for pair in live_pairs(run, [entry.pair]))
        if not row.deleted:
            batch.stage.append(stage_single(run, side, row, image, mark, matcher))
        return
    result.seen.add(entry.pair)
    if entry.pair_state is PairState.ENDED:
        return
    # A row that was staged as having left the filters is back; one that lost its partner's id is decided on.
    odd = entry.staged_state is StagedState.OUT or _strayed(row, entry)
    unchanged = mark == entry.digest and not (row.deleted or run.renewed or odd)
    if not unchanged or entry.pair_state in _WATCHED:
        batch.stage.append(stage_row(side, row, image, mark, entry.pair, matcher))
    elif row.stamp != entry.stamp:
        batch.touch_known(entry, entry.pair, row.stamp)


def _strayed(row: Row, entry: Known) -> bool:
    """Whether somebody took the partner's id out of a record, or put another one there."""
    return entry.partner is not None and (row.partner or None) != entry.partner


def _settle_claims(run: Pass, side: Side, batch: _Batch, matcher: Matcher) -> None:
    """Rows under a new key that name a partner which has a pair: renamed when the old key is gone, else copies."""
    if not batch.claims:
        return
    near = {row.key: row for row, _ in batch.claims}
    still = {row.key: row for row in run.endpoints[side].fetch([entry.key for _, entry in batch.claims if entry.key])}
    for row, entry in batch.claims:
        image = encode_image(row.values)
        mark = digest(image)
        holder = still.get(entry.key)
        reused = holder is not None and row.creation is not None and holder.creation != entry.creation
        ended = entry.pair_state is PairState.ENDED
        follows = holder is not None and entry.key in predecessors(run, side, row, near)
        if follows and entry.pair is not None and not ended:
            batch.replace(stage_row(side, row, image, mark, entry.pair, matcher))
        elif holder is not None and is_old(run, side, row):
            continue
        elif holder is not None and not reused and not follows:
            staged = stage_single(run, side, row, image, mark, matcher)
            batch.stage.append(staged._replace(state=StagedState.HELD, match=()))
            batch.conflicts.append(_copy(run, side, row, entry))
            run.noticed = True
        elif ended:
            staged = stage_single(run, side, row, image, mark, matcher)
            batch.stage.append(staged._replace(state=StagedState.UNMATCHED, match=()))
        else:
            batch.stage.append(stage_row(side, row, image, mark, entry.pair, matcher))


def _copy(run: Pass, side: Side, row: Row, entry: Known) -> ConflictRecord:
    """A second record that names a partner which has a record already: held, since writing it would do it twice."""
    erpnext = side is Side.ERPNEXT
    field_name = run.mapping.spec.external_id if erpnext else run.mapping.spec.erpnext_name
    return ConflictRecord(
        mapping=run.mapping.name,
        kind="match",
        external_id=None if erpnext else row.key,
        erpnext_name=row.key if erpnext else None,
        pair=None,
        fields=b"[]",
        erpnext_stamp=row.stamp if erpnext else None,
        source_stamp=None if erpnext else row.stamp,
        editor=row.editor,
        text=f"its {field_name} says {row.partner}, which is paired with {entry.key} already; it looks like a copy of "
        f"that record. Empty {field_name} in the copy, or delete it.",
        opened=run.clock.now(),
        run=run.run,
    )
