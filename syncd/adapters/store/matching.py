"""Candidates among staged rows without a pair."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection

from syncd.adapters.store import statements
from syncd.adapters.store.codec import MATCH_SIZE, NO_MATCH
from syncd.ports.state import Match, StagedState

PAIRWISE = 64
"""A digest that more rows than this share on one side is not enumerated pair by pair, but as `_crowded` does."""

_NEW = StagedState.NEW.value
_SHIFT = 44
"""An edge is kept as one integer, (ERPNext id << 44) + source id: a tenth of a tuple's memory, and sorts as it."""

_COUNT = (
    "SELECT side, count(*), sum(CASE WHEN state = 0 THEN 1 ELSE 0 END), max(length(match)) FROM staged "
    "WHERE mapping_id = ? AND side IN (0, 1) AND pair IS NULL GROUP BY side"
)
_EITHER_NEW = "(e.state = 0 OR s.state = 0)"
_NAMED = (
    "SELECT e.id, s.id FROM staged e JOIN staged s "
    "ON s.mapping_id = e.mapping_id AND s.side = 1 AND s.key = e.partner AND s.pair IS NULL "
    "WHERE e.mapping_id = ? AND e.side = 0 AND e.pair IS NULL AND e.partner IS NOT NULL AND " + _EITHER_NEW,
    "SELECT e.id, s.id FROM staged s JOIN staged e "
    "ON e.mapping_id = s.mapping_id AND e.side = 0 AND e.key = s.partner AND e.pair IS NULL "
    "WHERE s.mapping_id = ? AND s.side = 1 AND s.pair IS NULL AND s.partner IS NOT NULL AND " + _EITHER_NEW,
)


def matches(connection: Connection, mapping_id: int) -> Iterator[Match]:
    """See `StateStore.matches`. Costs one sort of the rows without a pair for each rule, and nothing when none is NEW.

    Where more than `PAIRWISE` rows of one side share a digest, each row comes with two rows of the other side only:
    enough to show that it is ambiguous, without a product of both sides.
    """
    counts = {
        side: (rows, new, size or 0) for side, rows, new, size in statements.select(connection, _COUNT, (mapping_id,))
    }
    if len(counts) < 2 or not any(new for _, new, _ in counts.values()):
        return
    named = {_packed(*row) for text in _NAMED for row in statements.stream(connection, text, (mapping_id,))}
    yield from _unpacked(-1, sorted(named))
    rows, new = (sum(count[at] for count in counts.values()) for at in (0, 1))
    for rule in range(min(size for _, _, size in counts.values()) // MATCH_SIZE):
        yield from _unpacked(rule, sorted(_edges(connection, mapping_id, rule, few=new * 4 < rows)))


def _packed(erpnext: int, source: int) -> int:
    return (erpnext << _SHIFT) + source


def _unpacked(rule: int, edges: Sequence[int]) -> Iterator[Match]:
    mask = (1 << _SHIFT) - 1
    for edge in edges:
        yield Match(rule, edge >> _SHIFT, edge & mask)


def _edges(connection: Connection, mapping_id: int, rule: int, *, few: bool) -> list[int]:
    """The edges of one rule. `few`: rows are mostly not NEW, so only digests that a NEW one has are looked at."""
    part = f"substr(match, {rule * MATCH_SIZE + 1}, {MATCH_SIZE})"
    fits = (
        "mapping_id = ? AND side IN (0, 1) AND pair IS NULL "
        f"AND length(match) >= {(rule + 1) * MATCH_SIZE} AND {part} <> ?"
    )
    values: list[Any] = [mapping_id, NO_MATCH]
    text = f"SELECT {part} AS digest, side, id, state FROM staged WHERE {fits}"
    if few:
        text += f" AND {part} IN (SELECT {part} FROM staged WHERE {fits} AND state = 0)"
        values *= 2
    edges: list[int] = []
    for _, group in groupby(statements.stream(connection, f"{text} ORDER BY 1, 2, 3", values), itemgetter(0)):
        erpnext: list[tuple[int, int]] = []
        source: list[tuple[int, int]] = []
        for _, side, number, state in group:
            (source if side else erpnext).append((number, state))
        if not erpnext or not source:
            continue
        if max(len(erpnext), len(source)) > PAIRWISE:
            edges += _crowded(erpnext, source)
        else:
            edges += [_packed(e, s) for e, old in erpnext for s, also_old in source if _NEW in (old, also_old)]
    return edges


def _crowded(erpnext: Sequence[tuple[int, int]], source: Sequence[tuple[int, int]]) -> set[int]:
    """Each row of a large group against the first two of the other side, where any of the group is NEW."""
    if not any(state == _NEW for _, state in (*erpnext, *source)):
        return set()
    edges = {_packed(e, s) for e, _ in erpnext for s, _ in source[:2]}
    edges |= {_packed(e, s) for s, _ in source for e, _ in erpnext[:2]}
    return edges
