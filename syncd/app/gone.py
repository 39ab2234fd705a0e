"""Records that name a partner which is not there, before their pairs are ended for good."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from syncd.app.asking import certain
from syncd.app.context import Pass
from syncd.app.singles import PAGE, all_unpaired
from syncd.core.model import Side
from syncd.errors import HaltError
from syncd.ports.records import Staged, StagedState

GUARD = "max_deletes"


def guard_gone(run: Pass) -> None:
    """Halt where more records than `[safety] max_deletes` lets through name a partner that the other side has not.

    A first contact ends such pairs, and their records are never created anew: right where the partner was deleted, and
    a disaster where the wrong database answers. Reads only. Raises `HaltError`.
    """
    if run.options.force:
        return
    for side in Side:
        claims = gone = 0
        for rows in _pages(all_unpaired(run, side, [StagedState.NEW], claiming=True)):
            claims += len(rows)
            gone += len(_gone(run, side.other, {row.partner for row in rows if row.partner}))
        allowed = run.options.max_deletes.allowed(claims, 0)
        if gone > max(allowed, _LEAST):
            raise _halt(side, claims, gone, str(run.options.max_deletes))


_LEAST = 5
"""Small sets: this many are let through whatever the share (contract, `[safety]`)."""


def _pages(rows: Iterator[Staged]) -> Iterator[list[Staged]]:
    page: list[Staged] = []
    for row in rows:
        page.append(row)
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page


def _gone(run: Pass, side: Side, keys: set[str]) -> Sequence[str]:
    """Those of `keys` that `side` neither showed nor has under them."""
    asked = sorted(keys)
    known = run.store.known(run.mapping.name, side, asked, [None] * len(asked))
    unseen = [key for key, entry in zip(asked, known, strict=True) if entry is None]
    there = {row.key for row in certain(run, side, unseen)}
    return [key for key in unseen if key not in there]


def _halt(side: Side, claims: int, gone: int, limit: str) -> HaltError:
    here, there = ("ERPNext", "the source") if side is Side.ERPNEXT else ("the source", "ERPNext")
    return HaltError(
        GUARD,
        f"{gone} of {claims} records of {here} name a record of {there} that is not there; their pairs would be ended, "
        f"and they would never be created there again; [safety] max_deletes = {limit}",
        hint=f"Look at {there}: a wrong database, a restored backup, lost rights? If they were really deleted there, "
        "run it once with --force.",
    )
