"""Pairs of records and the partners that were made for them."""

from __future__ import annotations

from collections.abc import Sequence

from syncd.app.auditing import excuses
from syncd.app.context import Pass
from syncd.app.worked_out import worked_out
from syncd.core.lifecycle import Asked, asked_for
from syncd.core.mapping import DOCSTATUS, CompiledMapping
from syncd.core.model import Action, Baseline, Image, Missing, PairState, Raw, Row, Rows, Side, Write
from syncd.core.rows import agreed, as_sent
from syncd.core.values import decode_baseline, decode_image, digest, encode_baseline, encode_image
from syncd.ports.state import NewPair, Staged


def owes_link(mapping: CompiledMapping, side: Side) -> bool:
    """Whether records of `side` are given their partner's id."""
    spec = mapping.spec
    return spec.writes_external_id if side is Side.ERPNEXT else spec.erpnext_name is not None


def born_pair(run: Pass, target: Side, staged: Staged, write: Write, row: Row, *, at_once: bool = True) -> NewPair:
    """The pair of a record and the partner that was created for it.

    `row` is the partner as read back. Where somebody else edited it in between, what was sent is the baseline and the
    edit flows at the next look (design.md, "Execute"). Unless it was read back `at_once`, a stamp that moved since its
    creation counts as such an edit whoever made it: people may share syncd's user, although they should not. So does
    anything in a record that does not tell who edited it.
    """
    moved = not at_once and row.creation is not None and row.stamp != row.creation
    unsaid = not at_once and not run.is_own(target, row.editor)
    foreign = moved or unsaid or run.is_foreign(target, row)
    baseline = sent_over(run, target, row.values, write) if foreign else row.values
    seen = encode_image(row.values)
    erpnext_row = target is Side.ERPNEXT
    image, origin = encode_image(baseline) if foreign else seen, staged.image
    given = decode_image(staged.image)
    held = (baseline, given) if erpnext_row else (given, baseline)
    if run.mapping.tables:
        held = agreed(run.mapping, None, held, made=erpnext_row)
        image, origin = (encode_baseline(each) for each in (held if erpnext_row else reversed(held)))
    linked_here = write.link
    linked_there = staged.partner == row.key
    linked_erpnext = linked_here if erpnext_row else linked_there
    linked_source = linked_there if erpnext_row else linked_here
    links = {Side.ERPNEXT: linked_erpnext, Side.SOURCE: linked_source}
    owed = any(owes_link(run.mapping, side) and not linked for side, linked in links.items())
    pair = NewPair(
        erpnext_name=row.key if erpnext_row else staged.key,
        external_id=staged.key if erpnext_row else row.key,
        state=PairState.UNFINISHED if owed else PairState.AGREED,
        creation=row.creation if erpnext_row else staged.creation,
        erpnext_stamp=row.stamp if erpnext_row else staged.stamp,
        source_stamp=staged.stamp if erpnext_row else row.stamp,
        # A digest that no row has makes the next look stage the row, so that the foreign edit is decided on.
        erpnext_seen=(b"" if foreign else digest(seen)) if erpnext_row else staged.digest,
        source_seen=staged.digest if erpnext_row else (b"" if foreign else digest(seen)),
        erpnext_image=image if erpnext_row else origin,
        source_image=origin if erpnext_row else image,
        linked_erpnext=linked_erpnext,
        linked_source=linked_source,
        docstatus=row.docstatus if erpnext_row else staged.docstatus,
    )
    pair = pair._replace(differs=excuses(run, held))
    told = worked_out(run.mapping, row.values, given) if erpnext_row else ()
    pair = owing(run.mapping, target, pair, told) if told else pair
    return _owing_submission(run.mapping, pair) if _owes_submission(run.mapping, write, given) else pair


def _owes_submission(mapping: CompiledMapping, write: Write, source: Image) -> bool:
    """Whether a draft was made for a record that asks for a submitted document: ERPNext would not submit it."""
    lifecycle = mapping.spec.lifecycle
    if lifecycle is None or write.side is not Side.ERPNEXT or write.docstatus != 0:
        return False
    return asked_for(lifecycle, mapping.asks(source)) is Asked.SUBMITTED


def owing(mapping: CompiledMapping, target: Side, pair: NewPair, missed: Sequence[str]) -> NewPair:
    """A new pair some of whose fields the receiving side does not have yet.

    The site silently did not take them (no right at their permission level), or their links lead nowhere yet, or it
    works them out by itself, and the source has yet to be told. They have not agreed: they are written once more by
    themselves, and then fail under their names.
    """
    images = {Side.ERPNEXT: list(_decoded(pair.erpnext_image)), Side.SOURCE: list(_decoded(pair.source_image))}
    for field in mapping.fields:
        if (field.spec.erpnext if target is Side.ERPNEXT else field.spec.source) in missed:
            images[Side.ERPNEXT][field.erpnext_at] = Missing.MISSING
            images[Side.SOURCE][field.source_at] = Missing.MISSING
    for table in mapping.tables:
        if table.name in missed:
            images[Side.ERPNEXT][table.erpnext_at] = Missing.MISSING
            images[Side.SOURCE][table.source_at] = Missing.MISSING
    return pair._replace(
        state=PairState.UNFINISHED,
        erpnext_image=encode_baseline(tuple(images[Side.ERPNEXT])),
        source_image=encode_baseline(tuple(images[Side.SOURCE])),
    )


def _owing_submission(mapping: CompiledMapping, pair: NewPair) -> NewPair:
    """The pair of a document that was to be submitted and is a draft: its fields agree, its state is still owed.

    Its submission is asked for by itself; refused again it waits for a person.
    """
    lifecycle = mapping.spec.lifecycle
    if lifecycle is None or lifecycle.field is None:
        raise AssertionError("a submission was asked for by a mapping without [lifecycle]")
    source = list(_decoded(pair.source_image))
    source[mapping.source_fields.index(lifecycle.field)] = Missing.MISSING
    return pair._replace(state=PairState.UNFINISHED, source_image=encode_baseline(tuple(source)))


def _decoded(image: bytes | None) -> Baseline:
    return () if image is None else decode_baseline(image)


def sent_over(run: Pass, side: Side, values: Image, write: Write) -> Image:
    """`values` with what was sent in its place: what the record looked like right after the write.

    New rows of a table were sent without their names: at the next look they are told by what they say. A new document
    stood where its creation put it: a person may have submitted or cancelled it since.
    """
    names = run.mapping.names(side)
    made = write.action is Action.CREATE and side is Side.ERPNEXT and run.mapping.spec.lifecycle is not None
    sent = {**write.values, DOCSTATUS: write.docstatus} if made else write.values
    return tuple(_named(sent.get(name, value)) for name, value in zip(names, values, strict=True))


def _named(value: Raw) -> Raw:
    return as_sent(value) if isinstance(value, Rows) else value


def ended_pair(row: Staged) -> NewPair:
    """The tombstone of a record that gets no partner, or whose partner is gone."""
    erpnext = row.side is Side.ERPNEXT
    return NewPair(
        erpnext_name=row.key if erpnext else row.partner,
        external_id=row.partner if erpnext else row.key,
        state=PairState.ENDED,
        creation=row.creation,
        erpnext_stamp=row.stamp if erpnext else None,
        source_stamp=None if erpnext else row.stamp,
        erpnext_seen=row.digest if erpnext else None,
        source_seen=None if erpnext else row.digest,
        erpnext_image=None,
        source_image=None,
        linked_erpnext=erpnext,
        linked_source=not erpnext,
        docstatus=row.docstatus,
    )
