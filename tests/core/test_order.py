"""The order of mappings: what links lead to comes first, cycles stand together."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.order import in_link_order
from syncd.core.spec import FieldSpec, MappingSpec, TableSpec


def mapping(name: str, *links: str, rows: tuple[str, ...] = ()) -> MappingSpec:
    """A mapping whose fields link to `links`, and the rows of its one table to `rows`."""

    def fields(targets: tuple[str, ...]) -> tuple[FieldSpec, ...]:
        return tuple(FieldSpec(erpnext=f"f{at}", source=f"c{at}", link=to) for at, to in enumerate(targets))

    return MappingSpec(
        name=name,
        file=f"mappings/{name}.toml",
        doctype=name.title(),
        source="shop",
        entity=name,
        site="main",
        source_id=("id",),
        fields=(FieldSpec(erpnext="title", source="title"), *fields(links)),
        tables=(TableSpec(erpnext="items", source="lines", fields=fields(rows)),) if rows else (),
    )


@pytest.mark.parametrize(
    ("specs", "expected", "what"),
    [
        ([], [], "nothing"),
        ([mapping("b"), mapping("a")], [("a",), ("b",)], "no links: by name"),
        ([mapping("a", "b"), mapping("b")], [("b",), ("a",)], "a target goes first"),
        (
            [mapping("order", "customer", rows=("item",)), mapping("customer"), mapping("item")],
            [("customer",), ("item",), ("order",)],
            "a link in the rows of a table counts",
        ),
        ([mapping("a", "a")], [("a",)], "a tree links to itself"),
        ([mapping("a", "gone"), mapping("b")], [("a",), ("b",)], "a target that is not among them"),
        (
            [mapping("customer", "contact"), mapping("contact", "customer"), mapping("a", "customer")],
            [("contact", "customer"), ("a",)],
            "a cycle is one group, and comes before what links to it",
        ),
        (
            [mapping("a", "b"), mapping("b", "c"), mapping("c", "a", "d"), mapping("d")],
            [("d",), ("a", "b", "c")],
            "a cycle of three waits for what it links to",
        ),
        (
            [mapping("z"), mapping("a", "z"), mapping("m"), mapping("b", "m")],
            [("m",), ("b",), ("z",), ("a",)],
            "what is free goes by name, as soon as it is free",
        ),
        (
            [mapping("a", "b"), mapping("b", "a"), mapping("c", "d", "a"), mapping("d", "c")],
            [("a", "b"), ("c", "d")],
            "two cycles in a row",
        ),
    ],
)
def test_targets_come_first(specs: list[MappingSpec], expected: list[tuple[str, ...]], what: str) -> None:
    assert in_link_order(specs) == expected, what


def test_a_long_chain_needs_no_recursion() -> None:
    names = [f"m{at:05d}" for at in range(5_000)]
    specs = [mapping(name, to) for name, to in itertools.pairwise(names)] + [mapping(names[-1])]
    assert in_link_order(specs) == [(name,) for name in reversed(names)]


NAMES = "abcdefg"


@given(st.dictionaries(st.sampled_from(NAMES), st.sets(st.sampled_from(NAMES)), min_size=1))
def test_the_order_is_that_of_reachability(links: dict[str, set[str]]) -> None:
    reach = {name: {to for to in targets if to in links} for name, targets in links.items()}
    for _ in links:
        reach = {name: targets.union(*(reach[to] for to in targets)) for name, targets in reach.items()}
    ordered = in_link_order([mapping(name, *sorted(targets)) for name, targets in links.items()])
    assert sorted(name for group in ordered for name in group) == sorted(links)
    place = {name: at for at, group in enumerate(ordered) for name in group}
    for name, targets in reach.items():
        for to in targets:
            assert place[to] <= place[name], "a target goes first, or together"
            assert (place[to] == place[name]) == (to == name or name in reach[to]), "together only in a cycle"


@given(st.permutations([mapping("a", "b"), mapping("b"), mapping("c", "a"), mapping("d", "e"), mapping("e", "d")]))
def test_the_order_of_files_does_not_matter(specs: list[MappingSpec]) -> None:
    assert in_link_order(specs) == [("b",), ("a",), ("c",), ("d", "e")]


def test_disabled_mappings_are_the_callers_business() -> None:
    off = replace(mapping("a", "b"), enabled=False)
    assert in_link_order([off, mapping("b")]) == [("b",), ("a",)]
