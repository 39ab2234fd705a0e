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
    from syncd.app.deciding import Case

PAGE = 1000
LISTED = 100
"""Differences that a run names; all pairs are counted."""
RECORD = "(record)"
"""What is said to differ where the state store holds another record than the one that was read."""


def audit(run: Pass) -> None:
    """Count the agreed pairs that differ, and note some of what differs, in the pass's counts."""
    run.counts.disagree = 0
    run.counts.disagreements.clear()
    for page in _pages(run):
        held = decode_baselines([image for pair in page for image in (pair.erpnext_image, pair.source_image)])
        images = list(zip(held[::2], held[1::2], strict=True))
        if run.mapping.books:
            learn_links(run, [each for pair in images for each in zip(Side, pair, strict=True)])
        for pair, (erpnext, source) in zip(page, images, strict=True):
            found = _differences(run, pair, erpnext, source)
            if found:
                _note(run, pair, found)
        run.checkpoint()


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


def born_with_excuses(run: Pass, pair: NewPair) -> NewPair:
    """A new pair of which one side was made from the other: whatever differs, that side has made of it."""
    now = _baselines(pair)
    found = () if now is None else tuple(each.label for each in run.agreement.differences(*now))
    return pair._replace(differs=found) if found else pair


def _baselines(content: NewPair) -> Baselines | None:
    if content.erpnext_image is None or content.source_image is None:
        return None
    return decode_baseline(content.erpnext_image), decode_baseline(content.source_image)


def _pages(run: Pass) -> Iterator[Sequence[AgreedPair]]:
    after = 0
    while page := run.store.agreed_pairs(run.mapping.name, layout=run.state.layout, after=after, limit=PAGE):
        after = page[-1].id
        yield page


def _differences(run: Pass, pair: AgreedPair, erpnext: Baseline, source: Baseline) -> list[Difference]:
    """What differs, and was not recorded as what may."""
    found = run.agreement.differences(erpnext, source)
    if found and pair.differs:
        found = [each for each in found if ANY not in pair.differs and each.label not in pair.differs]
    if found or (digest(pair.erpnext_image) == pair.erpnext_seen and digest(pair.source_image) == pair.source_seen):
        return found
    if run.agreement.is_over(erpnext) or (_untied(erpnext), _untied(source)) == (pair.erpnext_seen, pair.source_seen):
        return found
    return [Difference(RECORD, "another one than it holds", "another one than it holds")]


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
