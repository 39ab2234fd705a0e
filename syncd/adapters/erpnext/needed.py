"""The rights that a site's mappings need together, for a user who is given nothing more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from syncd.adapters.erpnext.client import SiteClient
from syncd.adapters.erpnext.operations import DOCTYPE
from syncd.adapters.erpnext.rights import (
    EVERYBODY,
    Need,
    Right,
    has_level,
    may,
    may_link,
    needs_of,
    roles_of,
    roles_with,
)
from syncd.core.mapping import MappingSpec
from syncd.core.model import Side

_OF_KEYS = (Right.READ, Right.CREATE, Right.DELETE)


@dataclass(frozen=True, slots=True, kw_only=True)
class NeededRights:
    """What is needed of one DocType at one permission level, by which mappings, and what of it the user lacks."""

    doctype: str
    level: int
    rights: tuple[Right, ...]
    mappings: tuple[str, ...]
    lacking: tuple[Right, ...]
    unknown: bool
    """Whether the user has them could not be told: its roles may not be read."""
    roles: tuple[str, ...]
    """Roles that give all of them."""


def needed_rights(client: SiteClient, specs: Iterable[MappingSpec], *, user: str | None = None) -> list[NeededRights]:
    """The rights that these mappings need, what they write first. `user`: the integration user; None: the client's own.

    A DocType that is read is not listed again for being linked to. Raises as `described_doctype`.
    """
    wanted: dict[tuple[str, int], dict[Right, Need]] = {}
    mappings: defaultdict[tuple[str, int], list[str]] = defaultdict(list)
    for spec in specs:
        creates = spec.create.allows(Side.ERPNEXT) and spec.direction.reaches(Side.ERPNEXT)
        keys = [Need(doctype=DOCTYPE, right=right) for right in _OF_KEYS] if creates else []
        for need in [*needs_of(spec, client), *keys]:
            place = (need.doctype, need.level)
            wanted.setdefault(place, {}).setdefault(need.right, need)
            if spec.name not in mappings[place]:
                mappings[place].append(spec.name)
    found = [_asked(client, list(needs.values()), tuple(mappings[place]), user) for place, needs in wanted.items()]
    return sorted(found, key=lambda each: (each.rights == (Right.SELECT,), each.doctype, each.level))


def _asked(client: SiteClient, needs: Sequence[Need], mappings: tuple[str, ...], user: str | None) -> NeededRights:
    rights = tuple(right for right in Right if any(need.right is right for need in needs))
    if Right.READ in rights:
        rights = tuple(right for right in rights if right is not Right.SELECT)
    told = {need.right: _has(client, need, user) for need in needs if need.right in rights}
    doctype, level = needs[0].doctype, needs[0].level
    giving = [set(roles_with(client, doctype, _shown(right), level)) for right in rights]
    return NeededRights(
        doctype=doctype,
        level=level,
        rights=rights,
        mappings=mappings,
        lacking=tuple(right for right in rights if told[right] is False),
        unknown=None in told.values(),
        roles=tuple(sorted(set.intersection(*giving) - {"Administrator"})) if giving else (),
    )


def _shown(right: Right) -> Right:
    """Who may read a DocType may name its documents too."""
    return Right.READ if right is Right.SELECT else right


def _has(client: SiteClient, need: Need, user: str | None) -> bool | None:
    if user is not None and user != client.user():
        roles = roles_of(client, user)
        giving = set(roles_with(client, need.doctype, need.right, need.level))
        if need.right is Right.SELECT:
            giving |= set(roles_with(client, need.doctype, Right.READ))
        return None if roles is None else bool((roles | EVERYBODY) & giving)
    if need.level:
        return has_level(client, need)
    if need.right is Right.SELECT:
        return may_link(client, need.doctype)
    return may(client, need.doctype, need.right)
