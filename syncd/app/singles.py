"""Records without a partner: the staged rows that belong to no pair."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from syncd.app.context import Pass
from syncd.core.model import Side
from syncd.ports.records import Staged, StagedState

PAGE = 1000


class Seen:
    """Which numbers a complete pass has met: one bit each, so that a million pairs cost 125 kB."""

    def __init__(self) -> None:
        self._bits = bytearray()

    def add(self, number: int) -> None:
        """Note that a pair, or a staged row, was met."""
        at = number >> 3
        if at >= len(self._bits):
            self._bits.extend(bytes(max(at + 1 - len(self._bits), 1024)))
        self._bits[at] |= 1 << (number & 7)

    def __contains__(self, number: int) -> bool:
        at = number >> 3
        return at < len(self._bits) and bool(self._bits[at] & (1 << (number & 7)))

    def __iter__(self) -> Iterator[int]:
        """The numbers, ascending."""
        for at, byte in enumerate(self._bits):
            if byte:
                yield from ((at << 3) + bit for bit in range(8) if byte & (1 << bit))


def record_key(row: Staged) -> tuple[str | None, str | None]:
    """(external id, ERPNext name) of a row without a partner, as conflicts and failures know it."""
    return (row.key, None) if row.side is Side.SOURCE else (None, row.key)


def all_unpaired(run: Pass, side: Side, states: Sequence[StagedState], *, claiming: bool = False) -> Iterator[Staged]:
    """Staged rows of `side` without a pair, by ascending id; `claiming`: only those that name a partner."""
    after = 0
    name = run.mapping.name
    while page := run.store.unpaired(name, side, after=after, limit=PAGE, states=states, claiming=claiming):
        yield from page
        after = page[-1].id


def batches(rows: Iterable[Staged]) -> Iterator[list[Staged]]:
    """Rows in lists of up to `PAGE`."""
    rest = iter(rows)
    while page := list(islice(rest, PAGE)):
        yield page


def standing(run: Pass, side: Side) -> Seen:
    """The ids of the rows without a partner that were staged before a pass."""
    found = Seen()
    for row in all_unpaired(run, side, list(StagedState)):
        found.add(row.id)
    return found


def forget_absent(run: Pass, side: Side, before: Seen, met: Seen) -> bool:
    """Forget rows of `before` that a complete pass has not met: gone, or out of the filters. Whether there were any.

    Nothing hangs on them: when one is back, the feed shows it as new. Those with a creation in doubt are kept.
    """
    ids = [row for row in before if row not in met]
    found = (row for start in range(0, len(ids), PAGE) for row in run.store.staged(ids[start : start + PAGE]))
    absent = [row for row in found if row.pair is None and row.side is side and row.state is not StagedState.UNFINISHED]
    if not absent:
        return False
    keys = [record_key(row) for row in absent]
    with run.store.transaction(run.lease) as tx:
        tx.unstage([row.id for row in absent])
        tx.close_conflicts(keys)
        tx.close_failures(keys)
    return True
