"""The order in which mappings run: what a link leads to comes before what links to it."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping

from syncd.core.spec import MappingSpec


def in_link_order(specs: Iterable[MappingSpec]) -> list[tuple[str, ...]]:
    """The mappings' names in groups, those that links lead to first; what does not depend on one another by name.

    A group of several is a cycle of links (customer and contact link to each other): neither can go first, so they run
    together. Within a group names are sorted. Links to mappings that are not among `specs`, and of a mapping to itself,
    ask for no order.
    """
    targets = _targets(specs)
    groups = _cycles(targets)
    group_of = {name: group for group in groups for name in group}
    waits = {group: {group_of[to] for name in group for to in targets[name]} - {group} for group in groups}
    waiters: dict[tuple[str, ...], list[tuple[str, ...]]] = {group: [] for group in groups}
    for group, before in waits.items():
        for each in before:
            waiters[each].append(group)
    missing = {group: len(before) for group, before in waits.items()}
    ready = [group for group, count in missing.items() if not count]
    heapq.heapify(ready)
    ordered = []
    while ready:
        group = heapq.heappop(ready)
        ordered.append(group)
        for waiter in waiters[group]:
            missing[waiter] -= 1
            if not missing[waiter]:
                heapq.heappush(ready, waiter)
    return ordered


def _targets(specs: Iterable[MappingSpec]) -> dict[str, tuple[str, ...]]:
    """Name → the mappings that its links lead to, by name."""
    by_name = {spec.name: spec for spec in specs}
    return {
        name: tuple(sorted({entry.link for _, entry in spec.linked() if entry.link in by_name and entry.link != name}))
        for name, spec in sorted(by_name.items())
    }


def _cycles(targets: Mapping[str, tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The strongly connected components, each sorted (Tarjan's algorithm, without recursion)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    open_names: dict[str, None] = {}
    found = []
    for root in targets:
        path = [] if root in number else [(root, iter(targets[root]))]
        while path:
            name, rest = path[-1]
            if name not in number:
                number[name] = lowest[name] = len(number)
                open_names[name] = None
            following = next((to for to in rest if _is_ahead(name, to, number, lowest, open_names)), None)
            if following is not None:
                path.append((following, iter(targets[following])))
                continue
            path.pop()
            if path:
                lowest[path[-1][0]] = min(lowest[path[-1][0]], lowest[name])
            if lowest[name] == number[name]:
                found.append(_close(name, open_names))
    return found


def _is_ahead(
    name: str, to: str, number: Mapping[str, int], lowest: dict[str, int], open_names: Mapping[str, None]
) -> bool:
    """Whether `to` was not visited yet; if it was, and its component is open, `name` belongs to the same."""
    if to not in number:
        return True
    if to in open_names:
        lowest[name] = min(lowest[name], number[to])
    return False


def _close(root: str, open_names: dict[str, None]) -> tuple[str, ...]:
    """Take the component that `root` was the first of from the open names: it stands at their end."""
    component = []
    while root in open_names:
        component.append(open_names.popitem()[0])
    return tuple(sorted(component))
