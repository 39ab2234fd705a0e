"""Records that are gone, as they are staged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from syncd.app.context import Pass, whole
from syncd.core.model import Image, Pair, PairState, Side
from syncd.core.values import digest, encode_image
from syncd.ports.records import Staged, StagedState

_PAGE = 1000


def live_pairs(run: Pass, ids: Sequence[int]) -> list[Pair]:
    """These pairs with baselines in the order of the fields that are mapped now; ended ones are left out."""
    return [
        replace(
            pair,
            erpnext=None if pair.erpnext is None else run.rebase(Side.ERPNEXT, pair.erpnext, layout),
            source=None if pair.source is None else run.rebase(Side.SOURCE, pair.source, layout),
        )
        for pair, layout in run.store.pairs_by_id(run.mapping.name, ids)
        if pair.state is not PairState.ENDED
    ]


def count_gone(run: Pass, side: Side) -> int:
    """How many live pairs have a record on `side` that an earlier pass found gone, and that waits to be decided on."""
    count = after = 0
    while page := run.store.work(run.mapping.name, after=after, limit=_PAGE):
        after = page[-1].pair.id
        rows = (work.erpnext if side is Side.ERPNEXT else work.source for work in page)
        count += sum(row is not None and row.deleted for row in rows)
    return count


def tombstone(run: Pass, pair: Pair, side: Side) -> Staged:
    """A staged row that says: deleted. It carries the last known image, so that a person can be shown what it was."""
    baseline = pair.baseline(side)
    values: Image | None = None if baseline is None else whole(baseline)
    image = encode_image(values or (None,) * len(run.mapping.names(side)))
    return Staged(
        0,
        side,
        # Not the bare key: another document may bear that name by now, and have a staged row of its own.
        f"{pair.id}\x1f{pair.key(side)}",
        pair.id,
        StagedState.NEW,
        pair.stamp(side),
        image,
        digest(image + b"deleted"),
        None,
        pair.creation if side is Side.ERPNEXT else None,
        None,
        True,
        0,
    )
