"""Who belongs to whom among records that are not paired yet.

Candidates come as edges (rule, ERPNext row, source row). A rule that names the partner outright (external id, ERPNext
name) is rule -1 and stands above the mapping's match rules; those are tried in order, a later one only narrows an
earlier one's candidates, and a rule contradicts where both sides have a value and the values differ. A match is
one-to-one seen from both sides; anything else is ambiguous and is held (contract, "Match").
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

Digests = Sequence[bytes | None]
"""For each match rule the digest of a row's values, None where the rule does not apply to it."""


class Edge(NamedTuple):
    """Two rows that one rule brings together."""

    rule: int
    erpnext: int
    source: int


@dataclass(slots=True)
class Matching:
    """`matches` are (ERPNext row, source row); `ambiguous` maps each held row to its candidates across."""

    matches: list[tuple[int, int]] = field(default_factory=list)
    ambiguous_erpnext: dict[int, list[int]] = field(default_factory=dict)
    ambiguous_source: dict[int, list[int]] = field(default_factory=dict)


def match_rows(edges: Iterable[Edge], erpnext: Mapping[int, Digests], source: Mapping[int, Digests]) -> Matching:
    """Match rows one to one.

    `erpnext` and `source` give each row's match digests by row id; a row that is only reached by rule -1 may be
    missing there. Order of `edges` does not matter.
    """
    by_erpnext: dict[int, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    by_source: dict[int, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    for rule, left, right in edges:
        if rule >= 0 and _contradicts(erpnext.get(left, ()), source.get(right, ()), rule):
            continue
        by_erpnext[left][rule].add(right)
        by_source[right][rule].add(left)
    chosen_erpnext = {row: _candidates(rules) for row, rules in by_erpnext.items()}
    chosen_source = {row: _candidates(rules) for row, rules in by_source.items()}
    result = Matching()
    for left, rights in chosen_erpnext.items():
        if len(rights) == 1 and chosen_source[next(iter(rights))] == {left}:
            result.matches.append((left, next(iter(rights))))
        else:
            result.ambiguous_erpnext[left] = sorted(rights)
    matched = {right for _, right in result.matches}
    for right, lefts in chosen_source.items():
        if right not in matched:
            result.ambiguous_source[right] = sorted(lefts)
    result.matches.sort()
    return result


def _contradicts(left: Digests, right: Digests, rule: int) -> bool:
    """Whether an earlier rule applies to both rows and tells them apart."""
    return any(a is not None and b is not None and a != b for a, b in zip(left[:rule], right[:rule], strict=False))


def _candidates(rules: Mapping[int, set[int]]) -> set[int]:
    """The first rule's candidates, narrowed by the later ones as long as more than one is left."""
    ordered = sorted(rules)
    candidates = rules[ordered[0]]
    for rule in ordered[1:]:
        if len(candidates) == 1:
            break
        candidates = candidates & rules[rule] or candidates
    return set(candidates)
