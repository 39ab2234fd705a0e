"""Rows as they are staged: what a side was seen to hold, and nobody has agreed on yet."""

from __future__ import annotations

from collections.abc import Iterable

from syncd.app.context import Pass
from syncd.core.matching import Matcher
from syncd.core.model import Row, Side
from syncd.core.values import digest, encode_image
from syncd.ports.state import Staged, StagedState


def stage_row(side: Side, row: Row, image: bytes, mark: bytes, pair: int | None, matcher: Matcher) -> Staged:
    """A row as it is staged; rows that may need a partner carry their match digests."""
    return Staged(
        0,
        side,
        row.key,
        pair,
        StagedState.NEW,
        row.stamp,
        image,
        mark,
        row.partner,
        row.creation,
        row.editor,
        row.deleted,
        row.docstatus,
        matcher.digests(side, row.values) if pair is None and row.partner is None else (),
    )


def stage_single(run: Pass, side: Side, row: Row, image: bytes, mark: bytes, matcher: Matcher) -> Staged:
    """A row without a partner as it is staged. While a creation for it is in doubt none is sent again."""
    staged = stage_row(side, row, image, mark, None, matcher)
    return staged._replace(state=StagedState.UNFINISHED) if row.key in run.doubtful[side] else staged


def pair_row(side: Side, row: Row, pair: int) -> Staged:
    """A row of a pair as it is staged."""
    image = encode_image(row.values)
    return Staged(
        0,
        side,
        row.key,
        pair,
        StagedState.NEW,
        row.stamp,
        image,
        digest(image),
        row.partner,
        row.creation,
        row.editor,
        row.deleted,
        row.docstatus,
    )


def stage_rows(side: Side, rows: Iterable[tuple[Row, int]], matcher: Matcher) -> list[Staged]:
    """(row, pair id) as staged rows of pairs."""
    staged = []
    for row, pair in rows:
        image = encode_image(row.values)
        staged.append(stage_row(side, row, image, digest(image), pair, matcher))
    return staged
