"""Reading a DocType page by page, in keyset order, never by offset.

A page is everything after the last row of the one before: `[stamp >= s]` and (`stamp > s` or `name > n`), ordered by
`stamp asc, name asc`. Documents that are edited while pages are read move behind the last page and are read there. The
order is the site's (MariaDB compares names without case and accents), so nothing is sorted here; two names that compare
equal cannot exist, since the name is the primary key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

import orjson

from syncd.adapters.erpnext.calls import ListQuery, SlowAnswerError
from syncd.adapters.erpnext.child_reader import ChildReader, Filled
from syncd.adapters.erpnext.client import SiteClient
from syncd.adapters.erpnext.errors import ReadRefusedError
from syncd.adapters.erpnext.meta import missing_doctype
from syncd.adapters.erpnext.wire import RowShape
from syncd.core.values import parse_stamp
from syncd.errors import GoneError, HaltError
from syncd.ports.endpoint import Page

SMALLEST_PAGE: Final = 20
_STEP = timedelta(hours=6)
"""Two changes of a zone's offset lie further apart than this."""


_Begun: TypeAlias = tuple[list[dict[str, Any]], int, Future[Filled]]


class Feed:
    """The pages of one DocType, restricted by the mapping's filters."""

    def __init__(
        self,
        client: SiteClient,
        doctype: str,
        shape: RowShape,
        filters: list[list[Any]],
        children: ChildReader,
        *,
        page_size: int,
        where: str,
    ) -> None:
        self._client = client
        self._doctype = doctype
        self._shape = shape
        self._filters = filters
        self._children = children
        self._page_size = page_size
        self._where = where

    def changes(self, cursor: str | None, overlap: float) -> Iterator[Page]:
        """Rows stamped since `cursor` less `overlap` seconds, oldest stamp first; all rows without a cursor.

        The cursor of a page is never older than the one that was given, and neither lies in the future: a stamp of the
        day after tomorrow tells nothing of what is written until then.
        """
        reached, now = read_cursor(cursor), self._now()
        start = None
        if reached is not None:
            reached = min(reached, now)
            start = look_back(reached, overlap, site_now=self._client.clock.now(), zone=ZoneInfo(self._client.zone()))
        for last, filled in self._pages("modified", start, to_the_end=False):
            at = min(now, last["modified"] if reached is None else max(reached, last["modified"]))
            yield Page(rows=self._shape.rows(filled.documents, filled.held), cursor=write_cursor(at, last["name"]))

    def scan(self) -> Iterator[Page]:
        """Every row in the order of creation, which edits and renames during the pass do not disturb.

        Each page's cursor is the newest stamp at the beginning of the pass: from there `changes` finds all that was
        edited while the pass went on.
        """
        now = self._now()
        newest = self._read(self._query([], [], "modified desc, name desc", 1))
        if not newest:
            return
        cursor = write_cursor(min(now, newest[0]["modified"]), newest[0]["name"])
        for _, filled in self._pages("creation", None, to_the_end=True):
            yield Page(rows=self._shape.rows(filled.documents, filled.held), cursor=cursor)

    def _now(self) -> str:
        """The site's wall time by this machine's clock, in the form of its stamps."""
        wall = self._client.clock.now().astimezone(ZoneInfo(self._client.zone())).replace(tzinfo=None)
        return wall.isoformat(sep=" ", timespec="microseconds")

    def _pages(self, stamp: str, start: str | None, *, to_the_end: bool) -> Iterator[tuple[Mapping[str, Any], Filled]]:
        """Pages in the order of `stamp`, each with its last document, filled with the rows of its tables.

        The next page is asked for while those rows are read, and both while the caller works on the page before.
        `to_the_end`: only an empty page ends the feed, so that nothing that limits pages can make rows look absent.
        """
        with ThreadPoolExecutor(2, thread_name_prefix="syncd-feed") as ahead:
            documents, asked, filled = self._begin(ahead, stamp, start, None)
            while documents:
                following: Future[_Begun] | None = None
                last = documents[-1]
                if to_the_end or len(documents) >= asked:
                    following = ahead.submit(self._begin, ahead, stamp, last[stamp], last["name"])
                yield last, filled.result()
                if following is None:
                    return
                documents, asked, filled = following.result()

    def _begin(self, ahead: ThreadPoolExecutor, stamp: str, since: str | None, name: str | int | None) -> _Begun:
        """One page, the size that was asked for, and the rows of its tables under way."""
        documents, asked = self._page(stamp, since, name)
        return documents, asked, ahead.submit(self._children.fill, documents)

    def _page(self, stamp: str, since: str | None, name: str | int | None) -> tuple[list[dict[str, Any]], int]:
        """One page from `since`, behind the document `name` where one is given, and the size that was asked for.

        A page that takes too long is asked for again at half its size.
        """
        filters: list[list[Any]] = [] if since is None else [[stamp, ">=", since]]
        or_filters: list[list[Any]] = [] if name is None else [[stamp, ">", since], ["name", ">", name]]
        while True:
            size = self._page_size
            query = self._query(filters, or_filters, f"{stamp} asc, name asc", size)
            try:
                return self._read(query, impatient=size > SMALLEST_PAGE), size
            except SlowAnswerError:
                self._page_size = max(SMALLEST_PAGE, size // 2)

    def _query(self, filters: list[list[Any]], or_filters: list[list[Any]], order_by: str, limit: int) -> ListQuery:
        return ListQuery(
            doctype=self._doctype,
            fields=self._shape.fields,
            filters=[*filters, *self._filters],
            or_filters=or_filters,
            order_by=order_by,
            limit=limit,
        )

    def _read(self, query: ListQuery, *, impatient: bool = False) -> list[dict[str, Any]]:
        try:
            return self._client.read_list(query, impatient=impatient)
        except GoneError as error:
            raise missing_doctype(self._client, self._doctype) from error
        except ReadRefusedError as error:
            if error.refusal.code != "DataError":
                raise
            raise HaltError(
                "schema",
                f"{self._where}: {self._client.base_url} refuses a field of the mapping in {self._doctype}: "
                f"{error.refusal.text}",
                hint="run syncd check: the mapping names a field or a filter that the site does not have",
            ) from error


def read_cursor(cursor: str | None) -> str | None:
    """The stamp that a cursor stands at; raises ValueError for text that `write_cursor` did not make."""
    if cursor is None:
        return None
    held = orjson.loads(cursor)
    if not isinstance(held, dict) or not isinstance(held.get("modified"), str):
        raise ValueError(f"not a cursor of an ERPNext feed: {cursor!r}")
    return str(held["modified"])


def write_cursor(modified: str, name: str | int) -> str:
    """Where a feed stands, as text. The name only tells a person where it is."""
    return orjson.dumps({"modified": modified, "name": name}).decode()


def look_back(stamp: str, overlap: float, *, site_now: datetime, zone: ZoneInfo) -> str:
    """The naive stamp `overlap` seconds before `stamp`, in the site's form.

    Stamps are naive local time. Where the zone repeated an hour between `stamp` and now (end of daylight saving time),
    a later edit can carry a stamp up to an hour older, so that hour is added.
    """
    moment = datetime.fromisoformat(stamp)
    back = timedelta(seconds=overlap) + repeated(moment, site_now, zone)
    return (moment - back).isoformat(sep=" ", timespec="microseconds")


def repeated(moment: datetime, now: datetime, zone: ZoneInfo) -> timedelta:
    """The longest stretch of wall time that `zone` repeats between the naive `moment` and the aware `now`."""
    known = parse_stamp(moment, zone.key)
    longest = timedelta(0)
    if known is None:
        return longest
    at = known.at - _STEP
    before = at.astimezone(zone).utcoffset() or timedelta(0)
    while at < now:
        at = min(at + _STEP, now)
        offset = at.astimezone(zone).utcoffset() or timedelta(0)
        longest = max(longest, before - offset)
        before = offset
    return longest
