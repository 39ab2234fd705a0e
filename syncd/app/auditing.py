"""The audit of a full pass: pairs that count as agreed and whose sides differ all the same.

It looks at the baselines alone, a page at a time. A full pass has read every record; what did not move was seen to be
what it was (`*_seen`), so a baseline that carries that digest is what its side holds. What agreed pairs may differ in
was recorded when they agreed (`core.agreement`); anything else is a wrong baseline, and counted as `disagree`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from syncd.app.context import Pass
from syncd.app.linking import learn_links
from syncd.core.agreement import ANY, Baselines, Difference
from syncd.core.model import Baseline, Missing, Raw, Side
from syncd.core.values import decode_baseline, decode_baselines, digest, encode_image, show, without_ties
from syncd.ports.endpoint import Done, WriteResult
from syncd.ports.records import AgreedPair, NewPair, PairChange

if TYPE_CHECKING:
    from syncd.app.cases import Case

PAGE = 1000
BEAT = 20
"""Pages between two looks at the lease, and at whether somebody asked to stop."""
LISTED = 100
"""Differences that a run names; all pairs are counted."""
RECORD = "(record)"
"""What is said to differ where the state store holds another record than the one that was read."""


def audit(run: Pass) -> None:
    """Count the agreed pairs that differ, and note some of what differs, in the pass's counts."""
    run.counts.disagree = 0
    run.counts.disagreements.clear()
    differences = run.agreement.differences
    for number, page in enumerate(_pages(run)):
        if number % BEAT == 0:
            run.checkpoint()
        held = decode_baselines([image for pair in page for image in (pair.erpnext_image, pair.source_image)])
        if run.mapping.books:
            learn_links(run, [(side, image) for at, side in enumerate(Side) for image in held[at::2]])
        for pair, erpnext, source in zip(page, held[::2], held[1::2], strict=True):
            found = differences(erpnext, source)
            if (
                found
                or digest(pair.erpnext_image) != pair.erpnext_seen
                or digest(pair.source_image) != pair.source_seen
            ):
                _look(run, pair, (erpnext, source), found)


def with_excuses(run: Pass, case: Case, results: Mapping[Side, WriteResult], change: PairChange) -> PairChange:
    """What is stored of a pair, with what of it differs on both sides by right."""
    content, pair = change.content, case.pair
    now = _baselines(content)
    if now is None:
        return change
    before = None if pair.erpnext is None or pair.source is None else (pair.erpnext, pair.source)
    sent = {
        changed.field.partition("[")[0].partition(" (")[0]
        for write in case.decision.writes
        if isinstance(results.get(write.side), Done)
        for changed in write.changes
    }
    if content.erpnext_name != pair.erpnext_name:  # another document, made of all that the one before held
        sent.update(run.mapping.erpnext_fields)
    differs = run.agreement.excused(before, now, pair.differs, sent)
    return PairChange(change.id, content._replace(differs=differs))


def excuses(run: Pass, made: Baselines) -> tuple[str, ...]:
    """What differs in a new pair of which one side was made from the other: all of it, that side has made of it."""
    return tuple(each.label for each in run.agreement.differences(*made))


def _baselines(content: NewPair) -> Baselines | None:
    if content.erpnext_image is None or content.source_image is None:
        return None
    return decode_baseline(content.erpnext_image), decode_baseline(content.source_image)


def _pages(run: Pass) -> Iterator[Sequence[AgreedPair]]:
    after = 0
    while page := run.store.agreed_pairs(run.mapping.name, layout=run.state.layout, after=after, limit=PAGE):
        after = page[-1].id
        yield page


def _look(run: Pass, pair: AgreedPair, held: Baselines, differences: Sequence[Difference]) -> None:
    """Note a pair that seems to differ, unless that was recorded, or is only how its baselines are kept."""
    found = [each for each in differences if each.label not in pair.differs and ANY not in pair.differs]
    seen = (pair.erpnext_seen, pair.source_seen)
    if not found and tuple(map(_untied, held)) != seen and not run.agreement.is_over(held[0]):
        found = [Difference(RECORD, "another one than it holds", "another one than it holds")]
    if found:
        _note(run, pair, found)


def _untied(image: Baseline) -> bytes:
    """The digest of a baseline as the record was read: without the ties of its rows."""
    values: list[Raw] = [value for value in image if not isinstance(value, Missing)]
    return digest(encode_image(without_ties(values)))


def _note(run: Pass, pair: AgreedPair, found: Sequence[Difference]) -> None:
    run.counts.disagree += 1
    run.noticed = True
    for each in found[: LISTED - len(run.counts.disagreements)]:
        run.counts.disagreements.append(
            {
                "external_id": pair.external_id,
                "erpnext_name": pair.erpnext_name,
                "field": each.label,
                "erpnext": show(each.erpnext),
                "source": show(each.source),
            }
        )
