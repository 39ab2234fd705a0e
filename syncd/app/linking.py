"""Links: what the records of a page link to is looked up in the pairs of the linked mappings, before it is decided."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from syncd.app.context import Pass
from syncd.core.links import LinkBook, LinkLens, LinkTarget
from syncd.core.mapping import CompiledField
from syncd.core.merge import Choice
from syncd.core.model import Baseline, Missing, Pair, PairState, Raw, Side, Write
from syncd.core.rows import rows_of
from syncd.core.sights import LINK
from syncd.core.values import InvalidValue, quote
from syncd.errors import LostLinkError, RecordError
from syncd.ports.state import Known, StagedState

LOOKUP = 1000
"""Keys that are looked up at once."""
_MOST = 50_000
"""Keys that a book holds before it is begun anew: memory stays flat however many records there are."""


def forget_links(run: Pass) -> None:
    """What was looked up may have changed: look it up anew."""
    for book in run.mapping.books.values():
        book.forget()


def learn_links(run: Pass, images: Iterable[tuple[Side, Baseline]]) -> None:
    """Fill the mapping's link books with what these images link to, as far as it was not looked up yet."""
    if run.mapping.books:
        _learn(run, (link for side, image in images for link in _links(run, side, image)))


def learn_chosen(run: Pass, choice: Choice) -> None:
    """Look up what a person chose for linked fields, which stands in no image."""
    chosen: list[tuple[LinkLens, Side, str]] = []
    for entry, table in _all_fields(run):
        for name, value in choice.values.items():
            fits = name.startswith(f"{table}[") and name.endswith(f"].{entry.name}") if table else name == entry.name
            key = link_key(entry, Side.ERPNEXT, value) if fits else None
            if key is not None and isinstance(entry.lens, LinkLens):
                chosen.append((entry.lens, Side.ERPNEXT, key))
    _learn(run, chosen)


def links_to_lost(run: Pass, write: Write, error: RecordError) -> bool:
    """Whether a write was refused because what a mapped link led to bears another name by now, or is gone.

    The next look at that record's pair tells, while this record need not change: it is worth trying again.
    """
    if not isinstance(error, LostLinkError) or not run.mapping.books:
        return False
    return any(key in error.message for key in _sent_links(run, write))


def _sent_links(run: Pass, write: Write) -> Iterator[str]:
    """The names that a write gives to linked fields, of its rows too."""
    side = write.side
    for entry in run.mapping.fields:
        name = entry.spec.erpnext if side is Side.ERPNEXT else entry.spec.source
        key = link_key(entry, side, write.values.get(name or ""))
        if key is not None:
            yield key
    for table in run.mapping.tables:
        for row in rows_of(write.values.get(table.slot(side))).rows:
            keys = (
                link_key(entry, side, row.values[entry.erpnext_at if side is Side.ERPNEXT else entry.source_at])
                for entry in table.fields
            )
            yield from (key for key in keys if key is not None)


def _all_fields(run: Pass) -> Iterator[tuple[CompiledField, str]]:
    """Every field with the table it stands in ("": the record itself)."""
    yield from ((entry, "") for entry in run.mapping.fields)
    yield from ((entry, table.name) for table in run.mapping.tables for entry in table.fields)


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


def _links(run: Pass, side: Side, image: Baseline) -> Iterator[tuple[LinkLens, Side, str]]:
    erpnext = side is Side.ERPNEXT
    for entry in run.mapping.fields:
        if isinstance(entry.lens, LinkLens) and image:
            key = link_key(entry, side, image[entry.erpnext_at if erpnext else entry.source_at])
            if key is not None:
                yield entry.lens, side, key
    for table in run.mapping.tables:
        linked = [entry for entry in table.fields if isinstance(entry.lens, LinkLens)]
        for row in rows_of(image[table.at(side)]).rows if linked and image else ():
            for entry in linked:
                key = link_key(entry, side, row.values[entry.erpnext_at if erpnext else entry.source_at])
                if key is not None and isinstance(entry.lens, LinkLens):
                    yield entry.lens, side, key


def _learn(run: Pass, links: Iterable[tuple[LinkLens, Side, str]]) -> None:
    for book in run.mapping.books.values():
        if len(book) > _MOST:
            book.forget()
    wanted: defaultdict[tuple[str, Side], set[str]] = defaultdict(set)
    for lens, side, key in links:
        if not lens.book.knows(side, key):
            wanted[(lens.book.mapping, side)].add(key)
    for (mapping, side), keys in wanted.items():
        ordered = sorted(keys)
        for start in range(0, len(ordered), LOOKUP):
            _look_up(run, run.mapping.books[mapping], side, ordered[start : start + LOOKUP])


def _look_up(run: Pass, book: LinkBook, side: Side, keys: list[str]) -> None:
    found: dict[str, Pair] = {}
    for pair, _ in run.store.pairs_by_key(book.mapping, side, keys):
        key = pair.key(side) or ""
        if key not in found or pair.state is not PairState.ENDED:
            found[key] = pair
    contested = _contested(run, book.mapping, found.values())
    for key, pair in found.items():
        trouble = ""
        if pair.state is PairState.ENDED:
            trouble = _ended(book, side, key)
        elif pair.id in contested:
            trouble = _waits(book, side, key)
        target = LinkTarget(pair.erpnext_name, pair.external_id, trouble, held=pair.state is PairState.HELD)
        book.learn(side, key, run.gate.target(target))
    missing = [key for key in keys if key not in found]
    if missing:
        _look_for_singles(run, book, side, missing)


def _contested(run: Pass, mapping: str, pairs: Iterable[Pair]) -> Collection[int]:
    """Held pairs that nothing new may link to. Those that only wait for what they link to themselves are none of them:
    two records of a circle would wait for each other."""
    held = {pair.id for pair in pairs if pair.state is PairState.HELD}
    if not held:
        return ()
    return held - {conflict.pair for conflict in run.store.conflicts(mapping) if conflict.kind == LINK}


def _look_for_singles(run: Pass, book: LinkBook, side: Side, keys: list[str]) -> None:
    """Targets without a pair: they may wait for a person, or for their partner."""
    known = dict(zip(keys, run.store.known(book.mapping, side, keys, [None] * len(keys)), strict=True))
    # Of this very mapping all that waits is NEW; what failed in this pass does not come.
    retried = () if book.mapping == run.mapping.name else _retried(run, book.mapping, side, known.values())
    for key, entry in known.items():
        state = entry.staged_state if entry is not None else None
        if state is StagedState.HELD:
            book.learn(side, key, LinkTarget(None, None, _waits(book, side, key), held=True))
        elif state is StagedState.NEW or (state is StagedState.FAILED and key in retried):
            book.learn(side, key, LinkTarget(None, None, pending=True))
        else:
            book.learn(side, key, None)


def _retried(run: Pass, mapping: str, side: Side, known: Iterable[Known | None]) -> Collection[str]:
    """Keys of records whose creation is tried again in each run."""
    if not any(entry is not None and entry.staged_state is StagedState.FAILED for entry in known):
        return ()
    failures = [failure for failure in run.store.failures(mapping) if not failure.permanent]
    return {(each.erpnext_name if side is Side.ERPNEXT else each.external_id) or "" for each in failures}


def _waits(book: LinkBook, side: Side, key: str) -> str:
    place = "ERPNext" if side is Side.ERPNEXT else "the source"
    shown = f"{book.mapping} {_shown(side, key)} of {place}"
    return f"{shown} is held and waits for a person: `syncd conflicts list` shows it"


def _ended(book: LinkBook, side: Side, key: str) -> str:
    missing = "record in the source" if side is Side.ERPNEXT else "document in ERPNext"
    return (
        f"{book.mapping} {_shown(side, key)} has no {missing} any more: its pair has ended "
        f"(`syncd conflicts list --ended --mapping {book.mapping}` shows it)"
    )


def _shown(side: Side, key: str) -> str:
    """A name may hold blanks; an id of the source seldom does."""
    return quote(key) if side is Side.ERPNEXT else key
