"""Match digests made anew, where a match rule goes through a link that led nowhere when its row was staged."""

from __future__ import annotations

from syncd.app.context import Pass
from syncd.app.linking import forget_links, learn_links
from syncd.app.singles import all_unpaired, batches
from syncd.core.matching import Matcher
from syncd.core.model import Side
from syncd.core.values import decode_image
from syncd.ports.records import StagedState

_STATES = (StagedState.NEW, StagedState.UNMATCHED, StagedState.HELD, StagedState.FAILED)


def rematch(run: Pass, matcher: Matcher) -> bool:
    """Digest anew the rows of the source whose links may lead somewhere by now; whether any row has changed.

    ERPNext's rows need none of it: their links are names already.
    """
    if not matcher.linked:
        return False
    forget_links(run)
    changed = False
    rows = all_unpaired(run, Side.SOURCE, _STATES)
    open_rows = (row for row in rows if row.partner is None and (not row.match or None in row.match))
    for page in batches(open_rows):
        images = [decode_image(row.image) for row in page]
        learn_links(run, [(Side.SOURCE, image) for image in images])
        made = [(row, matcher.digests(Side.SOURCE, image)) for row, image in zip(page, images, strict=True)]
        found = [
            row._replace(state=StagedState.NEW, match=match)
            for row, match in made
            if any(match) and match != row.match  # where no rule applies, the store keeps none
        ]
        if found:
            with run.store.transaction(run.lease) as tx:
                tx.stage(found)
            changed = True
    return changed
