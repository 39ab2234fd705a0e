"""Who belongs to whom: a table of edges, and the laws of matching."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.core.identity import Digests, Edge, Matching, match_rows

A, B, C = b"a", b"b", b"c"
Rows = dict[int, Digests]
Ambiguous = dict[int, list[int]]

# (says, edges, digests in ERPNext, digests in the source, matches, ambiguous in ERPNext, ambiguous in the source)
CASES: list[tuple[str, list[Edge], Rows, Rows, list[tuple[int, int]], Ambiguous, Ambiguous]] = [
    ("nothing", [], {}, {}, [], {}, {}),
    ("one to one", [Edge(0, 1, 10)], {1: (A,)}, {10: (A,)}, [(1, 10)], {}, {}),
    ("two pairs", [Edge(0, 2, 20), Edge(0, 1, 10)], {1: (A,), 2: (B,)}, {10: (A,), 20: (B,)}, [(1, 10), (2, 20)],
     {}, {}),
    ("two in the source for one in ERPNext", [Edge(0, 1, 10), Edge(0, 1, 20)], {1: (A,)}, {10: (A,), 20: (A,)}, [],
     {1: [10, 20]}, {10: [1], 20: [1]}),
    ("two in ERPNext for one in the source", [Edge(0, 1, 10), Edge(0, 2, 10)], {1: (A,), 2: (A,)}, {10: (A,)}, [],
     {1: [10], 2: [10]}, {10: [1, 2]}),
    ("two for two", [Edge(0, e, s) for e in (1, 2) for s in (10, 20)], {1: (A,), 2: (A,)}, {10: (A,), 20: (A,)}, [],
     {1: [10, 20], 2: [10, 20]}, {10: [1, 2], 20: [1, 2]}),
    ("a later rule narrows the earlier one's candidates", [Edge(0, 1, 10), Edge(0, 1, 20), Edge(1, 1, 20)],
     {1: (A, B)}, {10: (A, C), 20: (A, B)}, [(1, 20)], {}, {10: [1]}),
    ("a later rule tells two and two apart",
     [*(Edge(0, e, s) for e in (1, 2) for s in (10, 20)), Edge(1, 1, 10), Edge(1, 2, 20)],
     {1: (A, B), 2: (A, C)}, {10: (A, B), 20: (A, C)}, [(1, 10), (2, 20)], {}, {}),
    ("a later rule that fits none of the candidates narrows nothing",
     [Edge(0, 1, 10), Edge(0, 1, 20), Edge(1, 1, 30)], {1: (A, B)}, {10: (A, C), 20: (A, C), 30: (None, B)}, [],
     {1: [10, 20]}, {10: [1], 20: [1], 30: [1]}),
    ("a later rule alone, where the earlier does not apply", [Edge(1, 1, 10)], {1: (None, B)}, {10: (A, B)},
     [(1, 10)], {}, {}),
    ("a later rule adds no candidate: who is reached by it alone is held", [Edge(0, 1, 10), Edge(1, 1, 20)],
     {1: (A, B)}, {10: (A, C), 20: (None, B)}, [(1, 10)], {}, {20: [1]}),
    ("an earlier rule contradicts: no candidate at all", [Edge(1, 1, 10)], {1: (A, B)}, {10: (C, B)}, [], {}, {}),
    ("an earlier rule contradicts one of two", [Edge(1, 1, 10), Edge(1, 1, 20)], {1: (A, B)},
     {10: (C, B), 20: (None, B)}, [(1, 20)], {}, {}),
    ("a later rule does not contradict an earlier one", [Edge(0, 1, 10)], {1: (A, B)}, {10: (A, C)}, [(1, 10)], {},
     {}),
    ("an empty value contradicts nothing", [Edge(1, 1, 10)], {1: (None, B)}, {10: (None, B)}, [(1, 10)], {}, {}),
    ("a named partner stands above the rules", [Edge(-1, 1, 10), Edge(0, 1, 20)], {1: (A,)}, {10: (B,), 20: (A,)},
     [(1, 10)], {}, {20: [1]}),
    ("a named partner is not contradicted by any rule", [Edge(-1, 1, 10)], {1: (A, A)}, {10: (B, B)}, [(1, 10)], {},
     {}),
    ("a named partner needs no digests", [Edge(-1, 1, 10)], {}, {}, [(1, 10)], {}, {}),
    ("two documents name one record", [Edge(-1, 1, 10), Edge(-1, 2, 10)], {}, {}, [], {1: [10], 2: [10]},
     {10: [1, 2]}),
    ("two documents name one record, the rules tell which", [Edge(-1, 1, 10), Edge(-1, 2, 10), Edge(0, 2, 10)],
     {2: (A,)}, {10: (A,)}, [(2, 10)], {1: [10]}, {}),
    ("a named partner, and another that the rules bring", [Edge(-1, 1, 10), Edge(0, 2, 10)], {1: (B,), 2: (A,)},
     {10: (A,)}, [(1, 10)], {2: [10]}, {}),
    ("a chain: each has one candidate, not seen from both sides", [Edge(0, 1, 10), Edge(0, 2, 10), Edge(1, 2, 20)],
     {1: (A, None), 2: (A, B)}, {10: (A, None), 20: (None, B)}, [], {1: [10], 2: [10]}, {10: [1, 2], 20: [2]}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("edges", "erpnext", "source", "matches", "ambiguous_erpnext", "ambiguous_source"),
    [row[1:] for row in CASES],
    ids=[row[0] for row in CASES],
)
def test_match_rows(
    edges: list[Edge],
    erpnext: Rows,
    source: Rows,
    matches: list[tuple[int, int]],
    ambiguous_erpnext: Ambiguous,
    ambiguous_source: Ambiguous,
) -> None:
    assert match_rows(edges, erpnext, source) == Matching(matches, ambiguous_erpnext, ambiguous_source)


digests = st.tuples(*[st.sampled_from([None, A, B])] * 3)
sides = st.dictionaries(st.integers(0, 5), digests, max_size=6)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Edge], Rows, Rows]:
    """Rows of both sides with digests of three rules, the edges these give, and a few named partners."""
    erpnext, source = draw(sides), draw(sides)
    edges = [
        Edge(rule, left, right)
        for left, ours in erpnext.items()
        for right, theirs in source.items()
        for rule, (a, b) in enumerate(zip(ours, theirs, strict=True))
        if a is not None and a == b
    ]
    named = draw(st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=3))
    return [*edges, *(Edge(-1, *both) for both in sorted(named))], dict(erpnext), dict(source)


@settings(max_examples=200, deadline=None)
@given(worlds(), st.randoms(use_true_random=False))
def test_nobody_is_matched_twice_and_order_does_not_matter(
    world: tuple[list[Edge], Rows, Rows], random: object
) -> None:
    edges, erpnext, source = world
    found = match_rows(edges, erpnext, source)
    left, right = [row for row, _ in found.matches], [row for _, row in found.matches]
    assert len(set(left)) == len(left)
    assert len(set(right)) == len(right)
    assert not set(left) & set(found.ambiguous_erpnext)
    assert not set(right) & set(found.ambiguous_source)
    assert {(edge.erpnext, edge.source) for edge in edges} >= set(found.matches)
    shuffled = list(edges)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert match_rows(shuffled, erpnext, source) == found


@settings(max_examples=200, deadline=None)
@given(worlds())
def test_swapping_the_sides_mirrors_the_matching(world: tuple[list[Edge], Rows, Rows]) -> None:
    edges, erpnext, source = world
    found = match_rows(edges, erpnext, source)
    mirrored = match_rows([Edge(rule, right, left) for rule, left, right in edges], source, erpnext)
    assert mirrored.matches == sorted((right, left) for left, right in found.matches)
    assert mirrored.ambiguous_erpnext == found.ambiguous_source
    assert mirrored.ambiguous_source == found.ambiguous_erpnext


@settings(max_examples=200, deadline=None)
@given(worlds())
def test_whoever_has_a_candidate_is_matched_or_held(world: tuple[list[Edge], Rows, Rows]) -> None:
    """Nobody who might have a partner is left to be created a second time, but for whom an earlier rule tells apart."""
    edges, erpnext, source = world
    found = match_rows(edges, erpnext, source)
    for rule, left, right in edges:
        pairs = zip(erpnext.get(left, ())[: max(rule, 0)], source.get(right, ())[: max(rule, 0)], strict=False)
        if not any(a and b and a != b for a, b in pairs):
            assert left in found.ambiguous_erpnext or left in {row for row, _ in found.matches}
            assert right in found.ambiguous_source or right in {row for _, row in found.matches}
