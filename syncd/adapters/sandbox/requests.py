"""What a client sent: its form (body or query, never both) and who it is."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson

from .errors import RouteError, SiteError
from .session import User
from .site import Site

_CREDENTIAL_PARTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """One request as it came in; `path` is percent-decoded, header names are lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def names_method(self) -> bool:
        """Whether `cmd` is among the parameters: the site then calls that method, whatever the path says."""
        return (b'"cmd"' in self.body or "cmd=" in self.query) and bool(self.form().get("cmd"))

    def form(self) -> dict[str, Any]:
        """The parameters: a JSON body alone, or the query with form fields laid over it.

        Raises the site's 500 for JSON that cannot be read, and for a list.
        """
        if self.body and "json" in self.headers.get("content-type", ""):
            value = read_json(self.body)
            if isinstance(value, list):
                return {"data": value}
            if not isinstance(value, dict):
                raise SiteError(417, "ValidationError", "Invalid request arguments")
            value.pop("_", None)
            return value
        form: dict[str, Any] = dict(parse_qsl(self.query, keep_blank_values=True))
        if self.body and "urlencoded" in self.headers.get("content-type", ""):
            form |= dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))
        form.pop("_", None)
        return form


def read_json(body: bytes | str) -> Any:
    """A JSON value. Raises the site's 500 JSONDecodeError."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            return json.loads(body)
        except ValueError as error:
            raise SiteError(500, "JSONDecodeError", str(error), module="json.decoder.") from None


def document_in(form: dict[str, Any]) -> dict[str, Any]:
    """The document of a create or update: the form itself, or what it has under `data`."""
    values = form.get("data", form)
    if isinstance(values, str):
        values = read_json(values)
    if not isinstance(values, dict):
        raise SiteError(500, "TypeError", "pop expected at most 1 argument, got 2", module="")
    return {key: value for key, value in values.items() if key != "flags"}


def authenticated(site: Site, headers: dict[str, str]) -> User:
    """The user of the Authorization header; Guest without one. Raises 401, and 400 for unreadable Basic."""
    header = headers.get("authorization", "")
    if not header:
        return site.guest
    kind, _, rest = header.partition(" ")
    if kind.lower() == "basic":
        rest = _decoded_basic(rest)
    elif kind.lower() != "token":
        raise SiteError(401, "AuthenticationError")
    key, _, secret = rest.partition(":")
    user = site.users.get((key, secret))
    if user is None:
        raise SiteError(401, "AuthenticationError")
    return user


def _decoded_basic(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise SiteError(400, "InvalidAuthorizationToken", "Failed to decode token") from None


def not_allowed() -> RouteError:
    """405 of a verb that the path does not know."""
    return RouteError(405, "Method Not Allowed", "The method is not allowed for the requested URL.")


def not_found() -> RouteError:
    """404 of the router."""
    return RouteError(
        404,
        "Not Found",
        "The requested URL was not found on the server. If you entered the URL manually please "
        "check your spelling and try again.",
    )
