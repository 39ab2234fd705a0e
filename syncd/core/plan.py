"""Deciding on one record: a pure function from what both sides hold to what is to be done.

`decide_pair` is for a stored pair, `decide_new` for a record without a partner. Both return data; the executor writes.
"""

from __future__ import annotations

from collections.abc import Sequence

from syncd.core.creation import CreationPlan, creation_changes
from syncd.core.documents import DOCUMENT, TRANSITION, decide_document
from syncd.core.mapping import AMENDED_FROM, DOCSTATUS, CompiledMapping
from syncd.core.merge import Choice, Merge, Problem, merge
from syncd.core.model import Action, Baseline, Image, Missing, Pair, Raw, Rows, Side, Write
from syncd.core.removal import decide_deletion, decide_out
from syncd.core.renames import as_named_now
from syncd.core.rows import rows_of, tied
from syncd.core.rows_done import rows_done
from syncd.core.scope import out_of_scope
from syncd.core.sights import (
    Decision,
    Presence,
    Sight,
    Verdict,
    newest_of,
    newest_side,
    problem_text,
    refusal,
    wants_link,
)

__all__ = [
    "Decision",
    "Presence",
    "Sight",
    "Verdict",
    "baseline_after",
    "decide_new",
    "decide_pair",
    "newest_side",
    "problem_text",
    "wants_link",
]


def decide_pair(
    mapping: CompiledMapping,
    pair: Pair,
    erpnext: Sight,
    source: Sight,
    *,
    choice: Choice | None = None,
) -> Decision:
    """Decide on a pair of which both sides are known."""
    pair = as_named_now(mapping, pair, erpnext.values)
    if mapping.spec.lifecycle is not None and Presence.OUT not in (erpnext.presence, source.presence):
        decision = decide_document(mapping, pair, erpnext, source, choice)
        if decision is not None:
            return _in_scope(mapping, decision)
    if Presence.DELETED in (erpnext.presence, source.presence):
        return decide_deletion(mapping, pair, erpnext, source, choice)
    if Presence.OUT in (erpnext.presence, source.presence):
        return decide_out(mapping, pair, erpnext, source, choice)
    base = None if pair.erpnext is None or pair.source is None else (pair.erpnext, pair.source)
    merged = merge(
        mapping,
        base,
        erpnext.values,
        source.values,
        newest=newest_of(mapping, erpnext, source),
        choice=choice,
    )
    if merged.problems:
        return refusal(merged.problems)
    if merged.conflicts:
        return Decision(verdict=Verdict.HOLD, kind="fields", conflicts=tuple(merged.conflicts))
    writes = tuple(
        write
        for write in (
            _pair_write(mapping, pair, Side.ERPNEXT, erpnext, merged),
            _pair_write(mapping, pair, Side.SOURCE, source, merged),
        )
        if write is not None
    )
    verdict = Verdict.WRITE if writes else Verdict.SETTLE
    return _in_scope(mapping, Decision(verdict=verdict, writes=writes, decided=tuple(merged.decided)))


def _in_scope(mapping: CompiledMapping, decision: Decision) -> Decision:
    """The decision, unless what it writes would not fit the receiving side's filters."""
    outside = [
        Problem("filters", write.side.other, reason)
        for write in decision.writes
        if write.values and (reason := out_of_scope(mapping.spec, write.side, write.values)) is not None
    ]
    if outside:
        return Decision(verdict=Verdict.FAIL, problems=tuple(outside), text=problem_text(outside))
    return decision


def _pair_write(mapping: CompiledMapping, pair: Pair, side: Side, sight: Sight, merged: Merge) -> Write | None:
    values = merged.writes[side]
    link = wants_link(mapping, pair, side)
    if not values and not link:
        return None
    return Write(
        action=Action.UPDATE if values else Action.LINK,
        side=side,
        key=pair.key(side),
        partner=pair.key(side.other),
        values=values,
        stamp=sight.stamp,
        expected=sight.values,
        link=link,
        changes=tuple(merged.changes[side]),
        pair=pair.id,
    )


def decide_new(mapping: CompiledMapping, side: Side, key: str, values: Image) -> Decision:
    """Decide on a record of `side` that has no partner: create one across, or leave it unmatched.

    For many records of one mapping, `creation.CreationPlan` is compiled once.
    """
    plan = CreationPlan(mapping, side)
    if not plan.allowed:
        return Decision(verdict=Verdict.UNMATCHED)
    creation = plan.decide(key, values)
    if creation.ends:
        return Decision(verdict=Verdict.END, text=creation.ends)
    if creation.holds:
        return Decision(verdict=Verdict.HOLD, kind=TRANSITION, text=creation.holds)
    if creation.write is None:
        return refusal(creation.problems)
    return Decision(verdict=Verdict.WRITE, writes=(creation.write._replace(changes=creation_changes(creation)),))


def baseline_after(
    mapping: CompiledMapping,
    base: tuple[Baseline, Baseline] | None,
    sights: tuple[Image, Image],
    stored: tuple[Image | None, Image | None],
    pending: frozenset[str],
    done: Sequence[Write] = (),
) -> tuple[Baseline, Baseline]:
    """The baselines after some writes of a record were done: (ERPNext's, source's).

    `stored` are the images as they stand after a write that was done, None where a side was not written. `pending`
    are the source columns or ERPNext fields (by ERPNext fieldname) whose write is still owed: their old baselines stay
    on both sides, so that the same change is seen again; where there is none, both stay without, and the field's next
    look is a first contact again. `done` are the writes that were done: of a table that is owed more they tell what of
    it has agreed.
    """
    erpnext: list[Raw | Missing] = list(stored[0] if stored[0] is not None else sights[0])
    source: list[Raw | Missing] = list(stored[1] if stored[1] is not None else sights[1])
    for entry in mapping.fields:
        if entry.name in pending:
            erpnext[entry.erpnext_at] = Missing.MISSING if base is None else base[0][entry.erpnext_at]
            source[entry.source_at] = Missing.MISSING if base is None else base[1][entry.source_at]
    _keep_state(mapping, base, (erpnext, source), pending)
    if not mapping.tables:
        return tuple(erpnext), tuple(source)
    owed = {name.partition("[")[0].partition(" (")[0] for name in pending}
    for table, ties in zip(mapping.tables, tied(mapping, base, (erpnext, source)), strict=True):
        here, there = table.erpnext_at, table.source_at
        now = (rows_of(erpnext[here]), rows_of(source[there]))
        if table.name not in owed:
            erpnext[here], source[there] = (Rows(rows.rows, ties) for rows in now)
            continue
        was = (Missing.MISSING, Missing.MISSING) if base is None else (base[0][here], base[1][there])
        erpnext[here], source[there] = was
        if Missing.MISSING not in was:
            erpnext[here], source[there] = rows_done(table, (rows_of(was[0]), rows_of(was[1])), now, done)
    return tuple(erpnext), tuple(source)


def _keep_state(
    mapping: CompiledMapping,
    base: tuple[Baseline, Baseline] | None,
    images: tuple[list[Raw | Missing], list[Raw | Missing]],
    pending: frozenset[str],
) -> None:
    """Where a transition is still owed, on either side, both sides' states stay as they were at the last agreement."""
    lifecycle = mapping.spec.lifecycle
    if lifecycle is None or not ({DOCUMENT, lifecycle.field} & pending):
        return
    for image, was, names, layout in (
        (images[0], 0, (DOCSTATUS, AMENDED_FROM), mapping.erpnext_fields),
        (images[1], 1, (lifecycle.field,), mapping.source_fields),
    ):
        for at in (layout.index(name) for name in names if name is not None):
            image[at] = Missing.MISSING if base is None else base[was][at]
