"""Bodies of answers: envelopes of version 1 and 2, errors, side messages, HTML of the router."""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from typing import Any

import orjson

from .errors import RouteError, SiteError

_COOKIES = ("sid=Guest; Path=/; HttpOnly; SameSite=Lax", "system_user=; Path=/", "full_name=Guest; Path=/")
_JSON, _HTML = "application/json", "text/html; charset=utf-8"
_NOT_FOUND = 404


@dataclass(slots=True, kw_only=True)
class Answer:
    """One answer before it is sent; `documents` is how many it carries or made."""

    status: int
    body: bytes
    content_type: str = _JSON
    headers: tuple[tuple[str, str], ...] = ()
    documents: int = 0
    user: str = "Guest"

    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """Every header for ASGI, the cookies that a real site always sets among them."""
        pairs = [
            ("content-type", self.content_type),
            ("content-length", str(len(self.body))),
            *self.headers,
            *(("set-cookie", cookie) for cookie in _COOKIES),
        ]
        return [(key.encode("latin-1"), value.encode("latin-1")) for key, value in pairs]


def side_messages(messages: list[dict[str, Any]] | tuple[dict[str, Any], ...]) -> str:
    """`_server_messages`: a JSON list of JSON texts."""
    return json.dumps([json.dumps(message) for message in messages])


def success(
    status: int, key: str, value: Any, messages: list[dict[str, Any]], *, version: int, documents: int, empty: bool
) -> Answer:
    """An answer under its key; `empty`: without the key, as of a method that returns nothing."""
    payload: dict[str, Any] = {} if empty else {key: value}
    if messages:
        payload["messages" if version == 2 else "_server_messages"] = (
            messages if version == 2 else side_messages(messages)
        )
    return Answer(status=status, body=orjson.dumps(payload, default=str), documents=documents)


def refusal(error: SiteError, said_before: list[dict[str, Any]], *, version: int, traceback: str) -> Answer:
    """An error in the envelope of its API version."""
    messages = [*said_before, *error.messages]
    if version == 2:
        head = {"type": error.exc_type}
        if error.status != _NOT_FOUND:
            head["exception"] = traceback
        shown = error.messages[0] if error.messages else {"message": error.text}
        head |= {key: shown[key] for key in ("message", "title", "indicator") if key in shown}
        payload: dict[str, Any] = {"errors": [head]}
    else:
        payload = {"exc_type": error.exc_type}
        if error.status != _NOT_FOUND:
            payload = {"exception": error.exception, **payload, "exc": json.dumps([traceback])}
        if messages:
            payload["_server_messages"] = side_messages(messages)
        if error.error_message:
            payload["_error_message"] = error.error_message
    return Answer(status=error.status, body=orjson.dumps(payload, default=str))


def page(status: int, title: str, text: str, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """A page of HTML, as routers and proxies answer."""
    shown, said = html.escape(title), html.escape(text)
    body = f"<!doctype html>\n<html lang=en>\n<title>{status} {shown}</title>\n<h1>{shown}</h1>\n<p>{said}</p>\n"
    return Answer(status=status, body=body.encode(), content_type=_HTML, headers=headers)


def router_page(error: RouteError) -> Answer:
    """The router's own error page."""
    return page(error.status, error.title, error.text)
