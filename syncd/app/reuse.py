"""Keys that have a pair already, met where a partner was just made.

ERPNext gives names again: a new document may bear the name of one that was deleted a moment ago, whose pair still has
it. And a source that makes rows exactly once by the ERPNext name that they carry gives back the row of a document that
was deleted, where another document bears its name now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from syncd.app.context import Pass
from syncd.app.tombstones import live_pairs, tombstone
from syncd.core.model import PairState, Row, Side
from syncd.errors import BusyError, RecordError, RefusedError
from syncd.ports.records import Known, Staged
from syncd.ports.state import Transaction


@dataclass(slots=True)
class Reused:
    """What stands against tying records to the rows that were made for them."""

    free: list[int] = field(default_factory=list)
    """Pairs whose document is gone: its name belongs to a new one."""
    gone: list[Staged] = field(default_factory=list)
    """Tombstones of those of them that have not ended."""
    taken: dict[str, RecordError] = field(default_factory=dict)
    """Keys of records that are somebody else's partner, with what to tell."""

    def write(self, tx: Transaction) -> None:
        """Let the names go, in the transaction that gives them to other pairs."""
        if self.free:
            tx.free_names(self.free)
            tx.stage(self.gone)


def reused_keys(run: Pass, side: Side, rows: Sequence[Row]) -> Reused:
    """Look for pairs that have the keys of `rows`, which were made on `side` just now."""
    found = Reused()
    keys = [row.key for row in rows]
    known = run.store.known(run.mapping.name, side, keys, [None] * len(keys))
    for row, entry in zip(rows, known, strict=True):
        if entry is None or entry.pair is None or entry.key != row.key:
            continue
        if None not in (row.creation, entry.creation) and row.creation != entry.creation:
            found.free.append(entry.pair)
        else:
            found.taken[row.key] = _error(run, side, row, entry)
    found.gone = [tombstone(run, pair, side) for pair in live_pairs(run, found.free)]
    return found


def _error(run: Pass, side: Side, row: Row, entry: Known) -> RecordError:
    spec = run.mapping.spec
    field_name = spec.external_id if side is Side.ERPNEXT else spec.erpnext_name
    place = spec.doctype if side is Side.ERPNEXT else f"{spec.source} {spec.entity}"
    text = f"{place} {row.key} carries this record's id in {field_name} already, but it was another record's partner"
    if entry.pair_state is PairState.HELD:
        hint = f"Decide on {row.key}, which is held (`syncd conflicts list`), or empty its {field_name}."
        return BusyError(text, hint=f"{hint} The next run tries again.")
    if entry.pair_state is not PairState.ENDED:
        return BusyError(text, hint="The next run tries again: that pair may have ended by then.")
    return RefusedError(
        f"{text}, which was deleted; its name was given again",
        hint=f"Empty {field_name} of {row.key}, or delete it; then `syncd failures retry`.",
    )
