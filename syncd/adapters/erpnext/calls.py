"""What is asked of a site: requests as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final
from urllib.parse import quote, urlencode

import orjson

from syncd.adapters.erpnext.errors import Refusal
from syncd.errors import UnreachableError

URL_BYTES: Final = 3_500
"""A longer path and query goes as POST: gunicorn takes 4,094 bytes of request line by default."""
CHUNK: Final = 200
"""Members of one `in` filter where nothing else is said."""
_READ_FIRST: Final = frozenset({"data", "cmd"})
"""What the site reads of a body before it takes the body for a document."""
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
    """One page of a list. Filters are `[field, operator, value]`; `limit` 0 means all.

    `parent` is the DocType that rows of a child DocType belong to: without it the site refuses to list them (measured).
    """

    doctype: str
    fields: tuple[str, ...]
    filters: list[list[Any]]
    or_filters: list[list[Any]]
    order_by: str
    limit: int
    parent: str = ""

    def request(self, *, impatient: bool = False) -> Request:
        """The GET of the REST route, or POST `frappe.client.get_list` where the URL would be too long."""
        asked = {"fields": self.fields, "filters": self.filters, "or_filters": self.or_filters}
        given = {key: held for key, held in asked.items() if held}
        plain: dict[str, Any] = {"order_by": self.order_by, "limit_page_length": self.limit}
        if self.parent:
            plain["parent"] = self.parent
        texts = {key: orjson.dumps(held).decode() for key, held in given.items()}
        url = target(document_path(self.doctype), {**texts, **{key: str(held) for key, held in plain.items()}})
        body = None
        if len(url) > URL_BYTES:
            url, body = _GET_LIST, orjson.dumps({"doctype": self.doctype, **given, **plain})
        return Request(
            verb="POST" if body else "GET",
            target=url,
            subject=f"{self.doctype} of {self.parent}" if self.parent else self.doctype,
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


def has_url(name: str) -> bool:
    """Whether a document of this name can be addressed: the site's router knows no path for the others.

    A slash at the end it takes for the end of the path, and serves the document of the name without it.
    """
    return name not in (".", "..") and not any(mark in name for mark in "\t\n\r") and name.strip("/") == name


def document_path(doctype: str, name: str | int | None = None) -> str:
    """The path of a DocType or of one document, every byte of a name percent-encoded."""
    path = f"/api/resource/{quote(doctype, safe='')}"
    return path if name is None else f"{path}/{quote(str(name), safe='')}"


def document_body(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The body of a PUT. Fields called `data` or `cmd` would be read as the document itself and as a method to call:
    a document that has one goes under `data`, which the site reads the same."""
    return {"data": values} if _READ_FIRST & values.keys() else values


def target(path: str, query: Mapping[str, str]) -> str:
    """Path and query, percent-encoded; a blank is %20."""
    return f"{path}?{urlencode(query, quote_via=quote)}" if query else path


def filters_for(field: str, values: Sequence[str], most: int = CHUNK) -> Iterator[list[list[Any]]]:
    """Filters that find `values` in `field`, each of at most `most` values.

    Versions 14 and 15 strip blanks from the members of `in`: values that begin or end with one are asked for singly.
    """
    unique = [value for value in dict.fromkeys(values) if value]
    plain = [value for value in unique if value == value.strip()]
    for start in range(0, len(plain), most):
        yield [[field, "in", plain[start : start + most]]]
    for value in unique:
        if value != value.strip():
            yield [[field, "=", value]]
