"""The site's errors, read from its answers and turned into the tree of `syncd.errors`, with the site's own words.

Facts are those of a running ERPNext 15 and of the framework's source: errors are JSON with `exc_type`, `exception` and
`_server_messages` (a JSON text of a list of JSON texts, with HTML in them); version 14 has no `exc_type` where code
raises plainly; router errors and whatever a proxy says are HTML. Tracebacks (`exc`) are never shown.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from syncd.adapters.erpnext.hints import hint_for
from syncd.errors import (
    AccessError,
    BusyError,
    GoneError,
    LostLinkError,
    RecordError,
    RefusedError,
    StaleError,
    UnknownOutcomeError,
    UnreachableError,
)

MOST_WORDS = 600
"""Most characters of the site's words that one of our texts repeats."""

_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<!--.*?-->", re.DOTALL)
_BREAK = re.compile(r"<(?:br|/p|/div|/li|/tr|/h[1-6])\b[^<>]*>", re.IGNORECASE)
_UNSEEN = re.compile(r"<(script|style)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_TITLE = re.compile(r"<(title|h1)\b[^>]*>(.*?)</\1\s*>", re.IGNORECASE | re.DOTALL)
_CLASS = re.compile(r"^(?:[A-Za-z_]\w*\.)*([A-Z]\w*)(?::\s*|$)")
_DUPLICATE = re.compile(r"Duplicate entry '(.*)' for key")
_LOCKED = re.compile(r"\((?:1205|1213)\b")
"""MariaDB's numbers for a lock that was not granted in time and for a deadlock."""
_LOST_DATABASE = re.compile(r"\((?:2002|2003|2006|2013|1040)\b")
"""MariaDB's numbers for a connection that could not be made, or broke."""

_PASSING = frozenset(
    {"QueryDeadlockError", "QueryTimeoutError", "DocumentLockedError", "TooManyRequestsError", "RateLimitExceededError"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer that is not the one that was asked for."""

    status: int
    code: str
    """The site's own name of the error (`exc_type`); empty where it gave none."""
    text: str
    """The site's words as plain text, without duplicates; never empty."""
    framework: bool
    """The answer is the framework's own JSON, not a page of the web server or of something in between."""
    retry_after: float | None = None
    """Seconds the site asks to wait."""
    request_id: str = ""
    location: str = ""
    """Where a redirect points."""

    @property
    def passing(self) -> bool:
        """Nothing was done, and the same request may well be served a little later."""
        if self.status in (429, 503):
            return True
        if not self.framework:
            return False
        return self.code in _PASSING or (self.status == 500 and bool(_LOCKED.search(self.text)))

    @property
    def lost(self) -> bool:
        """Nobody knows what became of the request: a gateway's error, or a failure without the framework's word."""
        if self.status in (408, 502, 504, 520, 522, 523, 524):
            return True
        return self.status >= 500 and (not self.framework or bool(_LOST_DATABASE.search(self.text)))


class ReadRefusedError(UnreachableError):
    """The site refused something that was only read, under a name that the caller may know what to do with."""

    def __init__(self, message: str, refusal: Refusal, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.refusal = refusal


class ReadForbiddenError(AccessError):
    """The site does not let the user read what was asked for, although it takes the credentials."""


def plain_text(markup: str) -> str:
    """HTML as one line of plain text: tags and scripts taken out, entities decoded, blanks joined."""
    text = _TAG.sub("", _BREAK.sub(" ", _UNSEEN.sub("", markup)))
    return " ".join(html.unescape(text).split())


def _shortened(text: str, most: int = MOST_WORDS) -> str:
    if len(text) <= most:
        return text
    return f"{text[: most * 2 // 3]} … {text[-most // 3 :]}"


def _decoded(text: Any) -> Any:
    """JSON text decoded, or None: what the site says about an error is taken as far as it can be read."""
    try:
        return orjson.loads(text)
    except (orjson.JSONDecodeError, TypeError):
        return None


def server_messages(body: Mapping[str, Any]) -> Iterator[str]:
    """The messages of `_server_messages` in plain text; entries of unknown shape are taken as they are."""
    entries = body.get("_server_messages")
    listed = _decoded(entries) if isinstance(entries, str) else entries
    for entry in listed if isinstance(listed, list) else ():
        held = _decoded(entry) if isinstance(entry, str) else entry
        message = held.get("message") if isinstance(held, dict) else entry
        if isinstance(message, str):
            yield plain_text(message)


def _code_and_words(body: Mapping[str, Any]) -> tuple[str, str]:
    """The error's class and the last line of `exception` without that class."""
    exception = body.get("exception")
    lines = exception.strip().splitlines() if isinstance(exception, str) else []
    last = lines[-1].strip() if lines else ""
    found = _CLASS.match(last)
    code = body.get("exc_type")
    if not isinstance(code, str) or not code:
        code = found.group(1) if found else ""
    return code, plain_text(last[found.end() :] if found else last)


def _words(body: Mapping[str, Any], exception: str) -> str:
    said = [*server_messages(body)]
    permission = body.get("_error_message")
    if isinstance(permission, str):
        said.append(plain_text(permission))
    if not any(said):
        said.append(exception)
    duplicate = _DUPLICATE.search(exception)
    if duplicate and not any(duplicate.group(1) in words for words in said):
        said.append(f"the value is '{duplicate.group(1)}'")
    return _shortened("; ".join(dict.fromkeys(words for words in said if words)))


def page_words(body: bytes) -> str:
    """What an HTML page or other text calls itself: `a page titled “502 Bad Gateway”`, or how it begins."""
    text = body[:20_000].decode("utf-8", "replace")
    title = _TITLE.search(text)
    if title and (words := plain_text(title.group(2))):
        return f"a page titled “{_shortened(words, 120)}”"
    words = plain_text(text)
    return f"a text that begins “{_shortened(words, 120)}”" if words else "nothing"


def retry_after(value: str | None, now: Callable[[], datetime]) -> float | None:
    """Seconds to wait as a `Retry-After` header says, in seconds or as a date; None where it says nothing readable."""
    if value is None or not (text := value.strip()):
        return None
    if text.isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now()).total_seconds())


def read_refusal(status: int, headers: Mapping[str, str], body: bytes, now: Callable[[], datetime]) -> Refusal:
    """What an answer other than the wanted one says. `headers` are looked up in lower case."""
    held = _decoded(body)
    framework = isinstance(held, dict) and any(
        key in held for key in ("exc_type", "exception", "exc", "_server_messages")
    )
    code, text = "", ""
    if isinstance(held, dict):
        code, exception = _code_and_words(held)
        text = _words(held, exception)
    elif held is None:
        text = page_words(body)
    return Refusal(
        status=status,
        code=code,
        text=text or code or f"HTTP status {status} without a word",
        framework=framework,
        retry_after=retry_after(headers.get("retry-after"), now),
        request_id=headers.get("x-frappe-request-id", ""),
        location=headers.get("location", ""),
    )


def described(refusal: Refusal) -> str:
    """The refusal in one line: the site's words, with the status where they are not the framework's."""
    return refusal.text if refusal.framework else f"HTTP {refusal.status}, {refusal.text}"


def record_error(refusal: Refusal, subject: str, *, addressed: bool = True) -> RecordError:
    """A refused write as an error about its record. `subject` names the record on both sides.

    `addressed`: the request named a document, whose absence 404 then tells. Where it did not, something that the site
    looked for meanwhile is not there.
    """
    code = refusal.code or f"HTTP {refusal.status}"
    request_id = refusal.request_id
    if refusal.passing:
        return BusyError(
            f"{subject}: the site is busy: {described(refusal)}",
            hint="nothing was done; the next run tries again",
            code=code,
            request_id=request_id,
        )
    if refusal.lost:
        return UnknownOutcomeError(
            f"{subject}: no usable answer: {described(refusal)}",
            hint="the next run looks whether it was done",
            code=code,
            request_id=request_id,
        )
    if refusal.code == "TimestampMismatchError":
        return StaleError(
            f"{subject}: somebody changed it since it was read",
            hint="it is read again and decided anew",
            code=code,
            request_id=request_id,
        )
    if refusal.status == 404 and refusal.framework and addressed:
        return GoneError(
            f"{subject}: it is not there any more: {refusal.text}",
            hint="the next run finds out whether it was deleted or renamed",
            code=code,
            request_id=request_id,
        )
    refused = LostLinkError if code == "LinkValidationError" else RefusedError
    return refused(
        f"{subject}: the site refuses it: {described(refusal)}",
        hint=hint_for(code, refusal.status),
        code=code,
        request_id=request_id,
    )


def read_error(refusal: Refusal, subject: str, site: str, user: str) -> UnreachableError | GoneError:
    """A refused read as an error. `site` is its address, `user` who asks, as far as known."""
    if refusal.status == 401:
        return AccessError(
            f"{site} refuses the credentials: {described(refusal)}",
            hint="check key and secret of this site in syncd.toml, and that the user is enabled",
        )
    if refusal.status == 403:
        return ReadForbiddenError(
            f"{site} does not let {user} read {subject}: {described(refusal)}",
            hint="give a role of that user the right to read it (Role Permissions Manager in ERPNext)",
        )
    if refusal.status == 404 and refusal.framework:
        return GoneError(f"{subject}: {refusal.text}", code=refusal.code, request_id=refusal.request_id)
    if 300 <= refusal.status < 400:
        return UnreachableError(
            f"{site} redirects to {refusal.location or 'another address'} instead of answering",
            hint="put the address that ERPNext itself answers at under `url` of this site in syncd.toml",
        )
    if refusal.status == 404:
        return UnreachableError(
            f"{site} does not answer as an ERPNext site: {described(refusal)}",
            hint="check `url` of this site in syncd.toml: host name, port, and path",
        )
    unknown_field = refusal.code == "DataError"
    return ReadRefusedError(
        f"{site} refuses to read {subject}: {described(refusal)}",
        refusal,
        hint="run syncd check: it names what the site does not have"
        if unknown_field
        else hint_for(refusal.code, refusal.status),
    )
