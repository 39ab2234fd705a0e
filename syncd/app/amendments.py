"""Documents that a person amended: the pair goes on with the newest document of the chain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from syncd.app.context import Pass
from syncd.core.model import Action, PairState, Row, Side, Write
from syncd.ports.state import Known

CANCELLED = 2
LONGEST = 50
"""Amendments of one document that are followed; nobody amends more often, and a circle must end."""


def predecessors(run: Pass, side: Side, row: Row, near: Mapping[str, Row]) -> list[str]:
    """Names of the documents that `row` stands for, the latest first; `near` are rows that were read together."""
    if side is Side.SOURCE or run.mapping.spec.lifecycle is None:
        return []
    found: list[str] = []
    name = run.mapping.amended_from(row.values)
    while name is not None and name not in found and len(found) < LONGEST:
        found.append(name)
        before = near.get(name)
        if before is None:
            before = next(iter(run.endpoints[side].fetch([name])), None)
        name = None if before is None else run.mapping.amended_from(before.values)
    return found


def left_at(run: Pass, write: Write) -> Row | None:
    """Where an amendment that was refused has left its document: the draft that waits in its place, or the cancelled
    document where nothing was put into its place. None: it stands as it stood.
    """
    if write.action is not Action.AMEND or write.key is None:
        return None
    endpoint = run.endpoints[write.side]
    waiting = endpoint.amendments([write.key]).get(write.key)
    if waiting is not None and waiting.docstatus != CANCELLED:
        return waiting
    rows = endpoint.fetch([write.key])
    return next((row for row in rows if row.docstatus == CANCELLED), None)


def replaced(run: Pass, side: Side, rows: Iterable[Row]) -> Mapping[str, Row]:
    """The newest document of the chain behind each of these that was amended, by their names."""
    if side is Side.SOURCE or run.mapping.spec.lifecycle is None:
        return {}
    cancelled = [row.key for row in rows if row.docstatus == CANCELLED]
    return run.endpoints[side].amendments(cancelled) if cancelled else {}


def is_old(run: Pass, side: Side, row: Row) -> bool:
    """Whether a document is a cancelled one: another that names the same partner stands for it."""
    return side is Side.ERPNEXT and run.mapping.spec.lifecycle is not None and row.docstatus == CANCELLED


def amended(run: Pass, side: Side, rows: Sequence[Row], known: Sequence[Known | None]) -> dict[int, int | None]:
    """Rows without a pair of their own that stand for a paired document: place in `rows` → its pair, None where that
    has ended."""
    if side is Side.SOURCE or run.mapping.spec.lifecycle is None:
        return {}
    near = {row.key: row for row in rows}
    chains = {
        place: predecessors(run, side, row, near)
        for place, (row, entry) in enumerate(zip(rows, known, strict=True))
        if (entry is None or entry.pair is None) and run.mapping.amended_from(row.values) is not None
    }
    names = sorted({name for chain in chains.values() for name in chain})
    if not names:
        return {}
    entries = run.store.known(run.mapping.name, side, names, [None] * len(names))
    pairs = {
        name: None if entry.pair_state is PairState.ENDED else entry.pair
        for name, entry in zip(names, entries, strict=True)
        if entry is not None and entry.pair is not None
    }
    return {
        place: next(pairs[name] for name in chain if name in pairs)
        for place, chain in chains.items()
        if any(name in pairs for name in chain)
    }
