"""Reads of pairs and staged rows, by page."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Connection

from syncd.adapters.store import statements
from syncd.adapters.store.codec import (
    AGREED_READ,
    PAIR_READ,
    PAIR_STATES,
    SIDES,
    STAGED_READ,
    agreed_of,
    pair_of,
    staged_of,
    stamp_of,
)
from syncd.core.model import OPEN_STATES, Pair, PairState, Raw, Side
from syncd.ports.state import AgreedPair, Known, MappingTotals, Staged, StagedState, Work

KEY_COLUMNS = {Side.ERPNEXT: "erpnext_name", Side.SOURCE: "external_id"}
_STAGED_STATES = {state.value: state for state in StagedState}
_LIVE = tuple(state.value for state in PairState if state is not PairState.ENDED)
_ALL = tuple(state.value for state in PairState)
_OPEN = tuple(sorted(state.value for state in OPEN_STATES))
_CONFLICT_KINDS = ("fields", "deleted", "state")
"""Kinds of held records that are conflicts in the contract's sense: both sides changed. The others only wait."""

Found = dict[str, tuple[Any, ...]]


def _in_list(
    connection: Connection, select: str, values: Sequence[Any], column: str, wanted: Sequence[Any]
) -> list[Any]:
    """Rows of `select … AND column IN wanted`, in no order."""
    rows: list[Any] = []
    for some in statements.chunks(wanted):
        text = f"{select} AND {column} IN ({statements.placeholders(len(some))})"
        rows += statements.select(connection, text, (*values, *some))
    return rows


def known(
    connection: Connection, mapping_id: int, side: Side, keys: Sequence[str], partners: Sequence[str | None]
) -> list[Known | None]:
    """See `StateStore.known`."""
    own, across = KEY_COLUMNS[side], KEY_COLUMNS[side.other]
    columns = f"id, state, {side.value}_stamp, {side.value}_seen, creation, {own}, linked_{side.value}, {across}"
    pairs_by = f"SELECT %s, {columns} FROM pairs WHERE mapping_id = ?"
    staged_by = (
        "SELECT key, id, state, stamp, digest, creation, pair, partner FROM staged WHERE mapping_id = ? AND side = ?"
    )
    pairs = _found(_in_list(connection, pairs_by % own, (mapping_id,), own, keys))
    staged = _found(_in_list(connection, staged_by, (mapping_id, SIDES[side]), "key", keys))
    named = [
        partner
        for key, partner in zip(keys, partners, strict=True)
        if partner and key not in pairs and key not in staged
    ]
    by_partner = _found(_in_list(connection, pairs_by % across, (mapping_id,), across, named)) if named else {}
    moved = [row[5] for key, row in staged.items() if row[5] is not None and key not in pairs]
    by_id = _found(_in_list(connection, pairs_by % "id", (mapping_id,), "id", moved)) if moved else {}
    answers: list[Known | None] = []
    for key, partner in zip(keys, partners, strict=True):
        row = staged.get(key)
        pair = pairs.get(key)
        if row is not None:
            answers.append(_of_staged(row, pair or by_id.get(row[5]), partner))
        else:
            pair = pair or (by_partner.get(partner) if partner else None)
            answers.append(None if pair is None else _of_pair(pair))
    return answers


def _found(rows: Sequence[Any]) -> dict[Any, tuple[Any, ...]]:
    """Rows by their first column, without it."""
    return {row[0]: row[1:] for row in rows}


def _of_pair(pair: tuple[Any, ...]) -> Known:
    number, state, stamp, seen, creation, key, linked, partner = pair
    carried = partner if linked else None
    return Known(number, None, PAIR_STATES[state], None, stamp_of(stamp), seen, creation, key or "", carried)


def _of_staged(row: tuple[Any, ...], pair: tuple[Any, ...] | None, partner: str | None) -> Known:
    """What was staged counts as what was seen last. A row without a pair that names another partner now is another
    row, even where its values are the same: it has no digest then."""
    number, state, stamp, digest, creation, tied, staged_partner = row
    if pair is None and tied is None and (partner or None) != staged_partner:
        digest = None
    if pair is None:
        return Known(tied, number, None, _STAGED_STATES[state], stamp_of(stamp), digest, creation, "")
    pair_id, pair_state, _, _, pair_creation, key, linked, pair_partner = pair
    return Known(
        pair_id,
        number,
        PAIR_STATES[pair_state],
        _STAGED_STATES[state],
        stamp_of(stamp),
        digest,
        pair_creation,
        key or "",
        pair_partner if linked else None,
    )


def _by_states(
    connection: Connection, select: str, values: Sequence[Any], states: Sequence[int], after: int, limit: int
) -> list[Any]:
    """Rows of `select … AND state IN states AND id > after`, the first `limit` by id.

    Each state is read for itself, as a range of the index that ends with (state, id); all states at once would be
    read to their end and sorted for every page.
    """
    if not states:
        return []
    part = f"{select} AND state = ? AND id > ? ORDER BY id LIMIT ?"
    if len(states) == 1:
        return statements.select(connection, part, (*values, states[0], after, limit))
    text = " UNION ALL ".join(f"SELECT * FROM ({part}) AS s{state}" for state in states)
    bound = chain.from_iterable((*values, state, after, limit) for state in states)
    return statements.select(connection, f"{text} ORDER BY id LIMIT ?", (*bound, limit))


def unpaired(
    connection: Connection,
    mapping_id: int,
    side: Side,
    after: int,
    limit: int,
    states: Sequence[StagedState],
    *,
    claiming: bool,
) -> list[Staged]:
    """See `StateStore.unpaired`."""
    select = f"SELECT {STAGED_READ} FROM staged WHERE mapping_id = ? AND side = ? AND pair IS NULL"
    if claiming:
        select += " AND partner IS NOT NULL AND partner <> ''"
    wanted = [state.value for state in dict.fromkeys(states)]
    rows = _by_states(connection, select, (mapping_id, SIDES[side]), wanted, after, limit)
    return [staged_of(row) for row in rows]


def staged(connection: Connection, ids: Sequence[int]) -> list[Staged]:
    """See `StateStore.staged`: by ascending id."""
    rows = _in_list(connection, f"SELECT {STAGED_READ} FROM staged WHERE 1 = 1", (), "id", ids)
    return sorted((staged_of(row) for row in rows), key=lambda row: row.id)


def pairs(connection: Connection, mapping_id: int, after: int, limit: int, *, live: bool) -> list[tuple[Pair, int]]:
    """See `StateStore.pairs`."""
    select = f"SELECT {PAIR_READ} FROM pairs WHERE mapping_id = ?"
    rows = _by_states(connection, select, (mapping_id,), _LIVE if live else _ALL, after, limit)
    return [pair_of(row) for row in rows]


def agreed(connection: Connection, mapping_id: int, layout: int, after: int, limit: int) -> list[AgreedPair]:
    """See `StateStore.agreed_pairs`."""
    text = (
        f"SELECT {AGREED_READ} FROM pairs WHERE mapping_id = ? AND state = ? AND id > ? AND layout = ? "
        "AND erpnext_image IS NOT NULL AND source_image IS NOT NULL AND NOT EXISTS "
        "(SELECT 1 FROM staged WHERE staged.mapping_id = pairs.mapping_id AND staged.pair = pairs.id) "
        "ORDER BY id LIMIT ?"
    )
    bound = (mapping_id, PairState.AGREED.value, after, layout, limit)
    return [agreed_of(row) for row in statements.select(connection, text, bound)]


def ended(connection: Connection, mapping_id: int, after: int, limit: int) -> list[tuple[Pair, int]]:
    """See `StateStore.ended_pairs`."""
    select = f"SELECT {PAIR_READ} FROM pairs WHERE mapping_id = ? AND coalesce(erpnext_name, external_id) IS NOT NULL"
    rows = _by_states(connection, select, (mapping_id,), (PairState.ENDED.value,), after, limit)
    return [pair_of(row) for row in rows]


def live_ids(connection: Connection, mapping_id: int, after: int, limit: int) -> list[int]:
    """One page of `StateStore.pair_ids`."""
    rows = _by_states(connection, "SELECT id FROM pairs WHERE mapping_id = ?", (mapping_id,), _LIVE, after, limit)
    return [row[0] for row in rows]


def pairs_by_key(connection: Connection, mapping_id: int, side: Side, keys: Sequence[str]) -> list[tuple[Pair, int]]:
    """See `StateStore.pairs_by_key`: by ascending id."""
    select = f"SELECT {PAIR_READ} FROM pairs WHERE mapping_id = ?"
    found = [pair_of(row) for row in _in_list(connection, select, (mapping_id,), KEY_COLUMNS[side], keys)]
    return sorted(found, key=lambda entry: entry[0].id)


def pairs_by_id(connection: Connection, mapping_id: int, ids: Sequence[int]) -> list[tuple[Pair, int]]:
    """See `StateStore.pairs_by_id`: by ascending id."""
    select = f"SELECT {PAIR_READ} FROM pairs WHERE mapping_id = ?"
    found = [pair_of(row) for row in _in_list(connection, select, (mapping_id,), "id", ids)]
    return sorted(found, key=lambda entry: entry[0].id)


def pairs_by_creation(connection: Connection, mapping_id: int, creations: Sequence[str]) -> list[tuple[Pair, int]]:
    """See `StateStore.pairs_by_creation`: by ascending id."""
    select = f"SELECT {PAIR_READ} FROM pairs WHERE mapping_id = ?"
    found = [pair_of(row) for row in _in_list(connection, select, (mapping_id,), "creation", creations)]
    return sorted(found, key=lambda entry: entry[0].id)


def newest_pairs(connection: Connection, mapping_id: int, side: Side, limit: int) -> list[tuple[str, Raw]]:
    """See `StateStore.newest_pairs`. Stamps are sorted as text, which is right among stamps of one form."""
    key, stamp = KEY_COLUMNS[side], f"{side.value}_stamp"
    # `state <> 4` (ENDED) stands here as in the index, or the index would not be used.
    text = (
        f"SELECT {key}, {stamp} FROM pairs WHERE mapping_id = ? AND state <> 4 AND {stamp} IS NOT NULL "
        f"AND {key} IS NOT NULL ORDER BY {stamp} DESC LIMIT ?"
    )
    return [(row[0], stamp_of(row[1])) for row in statements.select(connection, text, (mapping_id, limit))]


_WORK_OPEN = "SELECT id FROM pairs WHERE mapping_id = ? AND state = ? AND id > ? ORDER BY id LIMIT ?"
_WORK_STAGED = (
    "SELECT DISTINCT pair AS id FROM staged WHERE mapping_id = ? AND pair IS NOT NULL AND pair > ? "
    "ORDER BY pair LIMIT ?"
)
_WORK_PAGE = (
    f"SELECT id FROM ({_WORK_STAGED}) AS staged_ones "
    + " ".join(f"UNION SELECT id FROM ({_WORK_OPEN}) AS open_{state}" for state in _OPEN)
    + " ORDER BY id LIMIT ?"
)
_WORK_COUNT = (
    "SELECT count(*) FROM (SELECT pair FROM staged WHERE mapping_id = ? AND pair IS NOT NULL "
    f"UNION SELECT id FROM pairs WHERE mapping_id = ? AND state IN ({', '.join(map(str, _OPEN))})) AS work"
)


def work(connection: Connection, mapping_id: int, after: int, limit: int) -> list[Work]:
    """See `StateStore.work`."""
    bound = chain.from_iterable((mapping_id, state, after, limit) for state in _OPEN)
    ids = [row[0] for row in statements.select(connection, _WORK_PAGE, (mapping_id, after, limit, *bound, limit))]
    found = pairs_by_id(connection, mapping_id, ids)
    select = f"SELECT {STAGED_READ} FROM staged WHERE mapping_id = ?"
    erpnext: dict[int | None, Staged] = {}
    source: dict[int | None, Staged] = {}
    for row in sorted(map(staged_of, _in_list(connection, select, (mapping_id,), "pair", ids)), key=lambda r: r.id):
        # Two rows of one side: the record came under a new key; what was staged last is what it is now.
        (erpnext if row.side is Side.ERPNEXT else source)[row.pair] = row
    return [Work(pair, layout, erpnext.get(pair.id), source.get(pair.id)) for pair, layout in found]


def count_work(connection: Connection, mapping_id: int) -> int:
    """See `StateStore.count_work`."""
    return int(statements.select(connection, _WORK_COUNT, (mapping_id, mapping_id))[0][0])


def totals(connection: Connection, mapping_id: int) -> MappingTotals:
    """See `StateStore.totals`."""
    one = (mapping_id,)
    states = dict(
        tuple(row)
        for row in statements.select(
            connection, "SELECT state, count(*) FROM pairs WHERE mapping_id = ? GROUP BY state", one
        )
    )
    ended = states.pop(PairState.ENDED.value, 0)
    kinds = dict(
        tuple(row)
        for row in statements.select(
            connection, "SELECT kind, count(*) FROM conflicts WHERE mapping_id = ? GROUP BY kind", one
        )
    )

    def count(text: str, *values: Any) -> int:
        return int(statements.select(connection, text, (mapping_id, *values))[0][0])

    return MappingTotals(
        pairs=sum(states.values()),
        held=sum(kinds.values()),
        failed=count(
            "SELECT count(*) FROM (SELECT DISTINCT external_id, erpnext_name FROM failures "
            "WHERE mapping_id = ? AND NOT ignored) AS f"
        ),
        conflicts=sum(kinds.get(kind, 0) for kind in _CONFLICT_KINDS),
        unmatched=count(
            "SELECT count(*) FROM staged WHERE mapping_id = ? AND side IN (0, 1) AND state = ? AND pair IS NULL",
            StagedState.UNMATCHED.value,
        ),
        ended=ended,
        staged=count("SELECT count(*) FROM staged WHERE mapping_id = ?"),
    )
