"""Links: what the records of a page link to is looked up in the pairs of the linked mappings, before it is decided."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from syncd.app.context import Pass
from syncd.core.links import LinkBook, LinkLens, LinkTarget
from syncd.core.mapping import CompiledField
from syncd.core.model import Baseline, Missing, Pair, PairState, Raw, Side
from syncd.core.rows import rows_of
from syncd.core.values import InvalidValue
from syncd.ports.state import StagedState

LOOKUP = 1000
"""Keys that are looked up at once."""


def learn_links(run: Pass, images: Iterable[tuple[Side, Baseline]]) -> None:
    """Fill the mapping's link books with what these images link to, as far as it was not looked up yet."""
    if not run.mapping.books:
        return
    wanted: defaultdict[tuple[str, Side], set[str]] = defaultdict(set)
    for side, image in images:
        for lens, key in _links(run, side, image):
            if not lens.book.knows(side, key):
                wanted[(lens.book.mapping, side)].add(key)
    for (mapping, side), keys in wanted.items():
        ordered = sorted(keys)
        for start in range(0, len(ordered), LOOKUP):
            _look_up(run, run.mapping.books[mapping], side, ordered[start : start + LOOKUP])


def link_key(entry: CompiledField, side: Side, raw: Raw | Missing) -> str | None:
    """The key, on its own side, of the record that a raw value links to; None where it links to nothing."""
    if not isinstance(entry.lens, LinkLens) or isinstance(raw, Missing):
        return None
    try:
        value = entry.read(side, raw)
        if side is Side.SOURCE:
            return entry.lens.key_of(value)
    except InvalidValue:
        return None
    return None if value is None else str(value)


def _links(run: Pass, side: Side, image: Baseline) -> Iterator[tuple[LinkLens, str]]:
    erpnext = side is Side.ERPNEXT
    for entry in run.mapping.fields:
        if isinstance(entry.lens, LinkLens) and image:
            key = link_key(entry, side, image[entry.erpnext_at if erpnext else entry.source_at])
            if key is not None:
                yield entry.lens, key
    for table in run.mapping.tables:
        linked = [entry for entry in table.fields if isinstance(entry.lens, LinkLens)]
        for row in rows_of(image[table.at(side)]).rows if linked and image else ():
            for entry in linked:
                key = link_key(entry, side, row.values[entry.erpnext_at if erpnext else entry.source_at])
                if key is not None and isinstance(entry.lens, LinkLens):
                    yield entry.lens, key


def _look_up(run: Pass, book: LinkBook, side: Side, keys: list[str]) -> None:
    found: dict[str, Pair] = {}
    for pair, _ in run.store.pairs_by_key(book.mapping, side, keys):
        if pair.state is not PairState.ENDED:
            found[pair.key(side) or ""] = pair
    missing = [key for key in keys if key not in found]
    held = _held_singles(run, book.mapping, side, missing)
    planned = run.planned.get((book.mapping, side), frozenset())
    for key in keys:
        if key in found:
            pair = found[key]
            book.learn(side, key, LinkTarget(pair.erpnext_name, pair.external_id, _trouble(book, side, key, pair)))
        elif key in held:
            book.learn(side, key, LinkTarget(None, None, _waits(book, side, key)))
        elif key in planned:
            new = f"({book.mapping} {key}, new)"
            book.learn(side, key, LinkTarget(new, key) if side is Side.SOURCE else LinkTarget(key, new))
        else:
            book.learn(side, key, None)


def _held_singles(run: Pass, mapping: str, side: Side, keys: list[str]) -> Collection[str]:
    """Those of `keys` whose records have no partner because they wait for a person."""
    if not keys:
        return ()
    known = run.store.known(mapping, side, keys, [None] * len(keys))
    return {key for key, entry in zip(keys, known, strict=True) if entry and entry.staged_state is StagedState.HELD}


def _trouble(book: LinkBook, side: Side, key: str, pair: Pair) -> str:
    return _waits(book, side, key) if pair.state is PairState.HELD else ""


def _waits(book: LinkBook, side: Side, key: str) -> str:
    place = "ERPNext" if side is Side.ERPNEXT else "the source"
    return f"{book.mapping} {key} of {place} is held and waits for a person: `syncd conflicts list` shows it"
