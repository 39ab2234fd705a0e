"""What is asked of a site: requests as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final
from urllib.parse import quote, urlencode

import orjson

from syncd.adapters.erpnext.errors import Refusal
from syncd.errors import UnreachableError

URL_BYTES: Final = 3_500
"""A longer path and query goes as POST: gunicorn takes 4,094 bytes of request line by default."""
_GET_LIST = "/api/method/frappe.client.get_list"


class Safety(Enum):
    """When a request may be sent again."""

    READ = "read"
    WRITE = "write"
    KEYED = "keyed"


class SlowAnswerError(UnreachableError):
    """A read that was not to be repeated took longer than the timeout: ask for less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. `target` is path and query, percent-encoded; a body never goes with a query (the site would ignore
    the query). `expects` names the member of the answer that must be there, and its type."""

    verb: str
    target: str
    subject: str
    body: bytes | None = None
    expects: tuple[str, type] | None = None
    safety: Safety = Safety.READ
    impatient: bool = False
    """Raise `SlowAnswerError` at the first timeout of a read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """One page of a list. Filters are `[field, operator, value]`; `limit` 0 means all."""

    doctype: str
    fields: tuple[str, ...]
    filters: list[list[Any]]
    or_filters: list[list[Any]]
    order_by: str
    limit: int

    def request(self, *, impatient: bool = False) -> Request:
        """The GET of the REST route, or POST `frappe.client.get_list` where the URL would be too long."""
        asked = {"fields": self.fields, "filters": self.filters, "or_filters": self.or_filters}
        given = {key: held for key, held in asked.items() if held}
        plain: dict[str, Any] = {"order_by": self.order_by, "limit_page_length": self.limit}
        texts = {key: orjson.dumps(held).decode() for key, held in given.items()}
        url = target(document_path(self.doctype), {**texts, **{key: str(held) for key, held in plain.items()}})
        body = None
        if len(url) > URL_BYTES:
            url, body = _GET_LIST, orjson.dumps({"doctype": self.doctype, **given, **plain})
        return Request(
            verb="POST" if body else "GET",
            target=url,
            subject=self.doctype,
            body=body,
            expects=("message" if body else "data", list),
            impatient=impatient,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """An attempt without a usable answer. `sent`: the site may have carried it out."""

    reason: str
    sent: bool
    slow: bool = False
    refusal: Refusal | None = None
    offline: bool = False
    hopeless: bool = False


def document_path(doctype: str, name: str | int | None = None) -> str:
    """The path of a DocType or of one document, every byte of a name percent-encoded."""
    path = f"/api/resource/{quote(doctype, safe='')}"
    return path if name is None else f"{path}/{quote(str(name), safe='')}"


def target(path: str, query: Mapping[str, str]) -> str:
    """Path and query, percent-encoded; a blank is %20."""
    return f"{path}?{urlencode(query, quote_via=quote)}" if query else path
