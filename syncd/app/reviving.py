"""Reviving ended pairs: a person takes back that a record's partner is gone for good (design, "Life of a pair")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from syncd.core.model import Pair, PairState, Side
from syncd.errors import UsageError
from syncd.ports.state import NewPair, PairChange, StateStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Revived:
    """A pair that had ended. `tied`: it is the same pair again, and the next run compares both records as at first
    contact; else it is forgotten, and its record counts as one without a partner from the next full pass on."""

    mapping: str
    external_id: str | None
    erpnext_name: str | None
    tied: bool


def revive(store: StateStore, mapping: str, key: str, *, side: Side | None, anew: bool, wait: float) -> Revived:
    """Revive the ended pair that bears `key` on `side` (None: on either).

    A pair that has both keys stays tied, unless `anew`. One whose document was deleted has no name any more (ERPNext
    may give it to another document): it can only be forgotten. Raises `UsageError` where there is no such pair, or two,
    and `LeaseHeldError` when a run holds the mapping for longer than `wait` seconds.
    """
    lease = store.acquire(mapping, wait=wait)
    try:
        pair, layout = _ended(store, mapping, key, (side,) if side is not None else tuple(Side))
        tied = not anew and pair.erpnext_name is not None and pair.external_id is not None
        with store.transaction(lease) as tx:
            tx.change_pairs([PairChange(pair.id, _open(pair) if tied else _forgotten(pair))], layout)
    finally:
        lease.release()
    return Revived(mapping=mapping, external_id=pair.external_id, erpnext_name=pair.erpnext_name, tied=tied)


def _ended(store: StateStore, mapping: str, key: str, sides: Sequence[Side]) -> tuple[Pair, int]:
    found = {pair.id: (pair, layout) for side in sides for pair, layout in store.pairs_by_key(mapping, side, [key])}
    ended = [entry for entry in found.values() if entry[0].state is PairState.ENDED]
    if len(ended) > 1:
        raise UsageError(
            f"{key} is the ERPNext name of one ended pair of {mapping} and the external id of another",
            hint="say which with --side erpnext or --side source",
        )
    if not ended:
        live = ": its pair has not ended" if found else ""
        raise UsageError(
            f"no ended pair of {mapping} is called {key}{live}",
            hint=f"`syncd conflicts list --ended --mapping {mapping}` shows those that are; the name of a deleted "
            "document is not kept, use the external id",
        )
    return ended[0]


def _open(pair: Pair) -> NewPair:
    """The same pair before its first agreement: both records are asked for, and compared as at first contact."""
    return NewPair(
        erpnext_name=pair.erpnext_name,
        external_id=pair.external_id,
        state=PairState.UNFINISHED,
        creation=pair.creation,
        erpnext_stamp=None,
        source_stamp=None,
        erpnext_seen=None,
        source_seen=None,
        erpnext_image=None,
        source_image=None,
        linked_erpnext=pair.linked_erpnext,
        linked_source=pair.linked_source,
        docstatus=pair.docstatus,
    )


def _forgotten(pair: Pair) -> NewPair:
    """A tombstone without keys: nothing is recognised by it any more."""
    return _open(pair)._replace(erpnext_name=None, external_id=None, state=PairState.ENDED)
