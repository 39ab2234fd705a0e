"""Records whose id of their partner was changed by hand to somebody else's.

The state says who belongs to whom, and so does the id in the record. Where the id was only taken out, it is written
again. Where it names another record, nobody but a person knows which of both is meant: the record is held.
"""

from __future__ import annotations

from collections.abc import Mapping

from syncd.core.mapping import CompiledMapping
from syncd.core.model import Pair, Side
from syncd.core.sights import Decision, Sight, Verdict, place_of

PARTNER = "partner"
"""Kind of the conflict of a record that names another partner than the one it is paired with."""


def decide_stray(
    mapping: CompiledMapping, pair: Pair, moved: Pair, sights: Mapping[Side, Sight], *, held: bool
) -> Decision | None:
    """Hold a pair one of whose records names another partner; None where neither does.

    `pair` is as it is stored, `moved` under the keys that its records carry now: a partner that was renamed is no other
    one. `held`: it is held for this already. Records that syncd never gives ids to, or owes the id of an amendment,
    say what they like; so do those whose partner's name was let go, since it was given to another document.
    """
    texts = []
    for side in Side:
        field, named = _field(mapping, side), sights[side].partner
        mine = {pair.key(side.other), moved.key(side.other), None, ""}
        written = held or (pair.linked_erpnext if side is Side.ERPNEXT else pair.linked_source)
        let_go = pair.key(side.other) is None
        if field is not None and written and not let_go and named not in mine:
            key, partner, there = moved.key(side), moved.key(side.other), place_of(side.other)
            texts.append(
                f"{field} of {key} in {place_of(side)} says {named}, but it is paired with {partner} of {there}; "
                f"somebody changed it. Put {partner} back, or empty the field (syncd then writes {partner} there)."
            )
    return Decision(verdict=Verdict.HOLD, kind=PARTNER, text=" ".join(texts)) if texts else None


def _field(mapping: CompiledMapping, side: Side) -> str | None:
    """The field of a side's records in which syncd writes the partner's id; None where it writes none."""
    spec = mapping.spec
    if side is Side.ERPNEXT:
        return spec.external_id if spec.writes_external_id else None
    return spec.erpnext_name
