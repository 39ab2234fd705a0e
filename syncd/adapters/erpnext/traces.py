"""What a site tells of documents that are gone: a question for each by name, and its list of deletions.

A list leaves out what the user may not see (User Permissions) without a word, so that a document that a list does not
show may be hidden and not gone. Asked for by itself it answers 404, 403 or 200.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from zoneinfo import ZoneInfo

from syncd.adapters.erpnext.calls import ListQuery, document_path, has_url
from syncd.adapters.erpnext.client import SiteClient
from syncd.adapters.erpnext.errors import ReadForbiddenError, ReadRefusedError
from syncd.adapters.erpnext.feed import look_back, read_cursor
from syncd.adapters.erpnext.wire import RowShape
from syncd.core.model import Row
from syncd.errors import GoneError, HaltError, UnreachableError
from syncd.ports.endpoint import Deletion

_TRACES: Final = "Deleted Document"
_MOST: Final = 1000
"""Deletions that one question lists, the newest: those before them were seen earlier, or are found by a full pass."""
_READABLE: Final = "deletions are readable"


class Traces:
    """Documents of one DocType that are gone, or may be."""

    def __init__(self, client: SiteClient, doctype: str, shape: RowShape) -> None:
        self._client = client
        self._doctype = doctype
        self._shape = shape

    def singly(self, names: Sequence[str]) -> list[Row]:
        """The documents of these names, each asked for by itself; those that answer 404 are left out.

        Raises `HaltError` (guard `lost_right`) when one is there that the user may not read.
        """
        with ThreadPoolExecutor(self._client.concurrency, thread_name_prefix="syncd-ask") as pool:
            return [row for row in pool.map(self._one, names) if row is not None]

    def _one(self, name: str) -> Row | None:
        subject = f"{self._doctype} “{name}”"
        try:
            document = self._document(name, subject)
        except GoneError:
            return None
        except ReadForbiddenError as error:
            raise HaltError(
                "lost_right",
                f"{subject} on {self._client.base_url} was paired, and {self._client.user()} may not read it any more; "
                "what cannot be seen is never taken for deleted",
                hint="give that user the right back (User Permissions, or a role in the Role Permissions Manager); the "
                "mapping stands still until then",
            ) from error
        return self._shape.row(document)

    def _document(self, name: str, subject: str) -> dict[str, Any]:
        """One document by GET; of a name that no URL reaches, where 404 tells nothing, by a method."""
        if has_url(name):
            answer = self._client.get(document_path(self._doctype, name), {}, subject, ("data", dict))
            found: dict[str, Any] = answer["data"]
            return found
        answered = self._client.ask("frappe.client.get", {"doctype": self._doctype, "name": name}, subject)
        if not isinstance(answered, dict):
            raise UnreachableError(
                f"{self._client.base_url} answers no document for {subject}", hint="the next run asks again"
            )
        return answered

    def deletions(self, cursor: str | None, overlap: float) -> list[Deletion]:
        """Deletions since `cursor` less `overlap` seconds, the newest first; none where the user may not read them.

        One request. A site that refuses it is not asked again in the life of the client.
        """
        reached = read_cursor(cursor)
        if reached is None or not self._client.kept(_READABLE, lambda: True):
            return []
        now, zone = self._client.clock.now(), ZoneInfo(self._client.zone())
        since = look_back(reached, overlap, site_now=now, zone=zone)
        query = ListQuery(
            doctype=_TRACES,
            fields=("deleted_name", "creation"),
            filters=[["deleted_doctype", "=", self._doctype], ["creation", ">=", since]],
            or_filters=[],
            order_by="creation desc",
            limit=_MOST,
        )
        try:
            found = self._client.read_list(query)
        except (ReadForbiddenError, ReadRefusedError, GoneError):
            self._client.forget(_READABLE)
            self._client.kept(_READABLE, lambda: False)
            return []
        return [Deletion(str(row["deleted_name"]), str(row["creation"])) for row in found if row["deleted_name"]]
