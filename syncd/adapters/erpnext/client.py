"""Requests to one ERPNext site: sent at its pace, retried where that is safe, answers recognised for what they are.

A *read* is sent again after anything that may pass. A *write* is sent again only when it was certainly not done
(no connection, 429, 503, deadlock, lock), a *keyed* write also after a lost answer, because its first document makes
a second execution impossible. A request's retries end after `RETRY_SECONDS` at the latest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from random import Random
from threading import Lock, RLock
from typing import Any, Final, TypeVar

import httpx
import orjson

from syncd.adapters.erpnext.auth import Auth, hide
from syncd.adapters.erpnext.calls import ListQuery, Request, Safety, SlowAnswerError, Trouble, target
from syncd.adapters.erpnext.errors import (
    ReadForbiddenError,
    Refusal,
    described,
    page_words,
    read_error,
    read_refusal,
    record_error,
)
from syncd.adapters.erpnext.pace import Pace
from syncd.adapters.erpnext.transport import open_http
from syncd.errors import AccessError, BusyError, SyncdError, UnknownOutcomeError, UnreachableError
from syncd.ports.endpoint import Clock

RETRY_SECONDS: Final = 120.0
MOST_ATTEMPTS: Final = 15

_FIRST_WAIT = 0.5
_LONGEST_WAIT = 20.0
_UNANSWERED_SECONDS = 10.0
"""How long a site that never answered as one is tried (nobody listens, or a page of something else comes): its address
is more likely wrong than its server restarting."""
_LOCKED_ATTEMPTS = 4
"""A document may be locked for hours by a job of the site."""
_Kept = TypeVar("_Kept")
_Hidden = TypeVar("_Hidden", bound=SyncdError)


class SiteClient:
    """One ERPNext site, as one user. Safe to use from several threads.

    `timeout` is in seconds for each attempt, `requests_per_second` a ceiling or None, `zone` the IANA zone of the
    site's stamps or None to ask the site.
    """

    def __init__(
        self,
        base_url: str,
        auth: Auth,
        *,
        timeout: float = 60.0,
        concurrency: int = 4,
        requests_per_second: float | None = None,
        verify: bool | str = True,
        zone: str | None = None,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
        rng: Random | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.concurrency = concurrency
        self.clock = clock
        self._secrets = tuple(auth.secrets())
        self._timeout = timeout
        self._monotonic = monotonic
        self._rng = rng or Random()  # noqa: S311 - jitter, not a secret
        self._pace = Pace(requests_per_second, monotonic)
        self._http = open_http(self.base_url, auth, concurrency=concurrency, verify=verify, transport=transport)
        self._lock = Lock()
        self._asking = RLock()
        self._requests = 0
        self._down = False
        self._answered = False
        self._zone = zone
        self._kept: dict[str, Any] = {}

    @property
    def requests(self) -> int:
        """HTTP requests sent so far, repeated ones included."""
        return self._requests

    def close(self) -> None:
        """Give back the connections."""
        self._http.close()

    def zone(self) -> str:
        """IANA name of the zone of the site's stamps; asked once."""
        return self._zone or self.kept("zone", self._ask_zone)

    def user(self) -> str:
        """The user that requests are made as; asked once. Raises `AccessError` when the credentials are refused."""
        return self.kept("user", self._ask_user)

    def kept(self, what: str, ask: Callable[[], _Kept]) -> _Kept:
        """The answer to a question that is asked once in the life of this client."""
        with self._asking:
            if what not in self._kept:
                self._kept[what] = ask()
            answer: _Kept = self._kept[what]
            return answer

    def forget(self, what: str) -> None:
        """Ask again next time."""
        with self._asking:
            self._kept.pop(what, None)

    def _ask_zone(self) -> str:
        answer = self.get("/api/method/frappe.client.get_time_zone", {}, "the site's time zone", ("message", dict))
        return str(answer["message"]["time_zone"])

    def _ask_user(self) -> str:
        try:
            answer = self.get("/api/method/frappe.auth.get_logged_user", {}, "who is logged in", ("message", str))
        except ReadForbiddenError as error:  # every user may ask, but for Guest
            raise AccessError(
                f"{self.base_url} takes syncd for a guest: no credentials arrive there",
                hint="something between syncd and the site takes the Authorization header away: ask who runs it",
            ) from error
        return str(answer["message"])

    def get(
        self, path: str, query: Mapping[str, str], subject: str, expects: tuple[str, type] | None = None
    ) -> dict[str, Any]:
        """A read by GET; returns the whole answer.

        Raises `GoneError` (404), `AccessError`, `ReadRefusedError` or `UnreachableError`.
        """
        return self._exchange(Request(verb="GET", target=target(path, query), subject=subject, expects=expects))

    def read_list(self, query: ListQuery, *, impatient: bool = False) -> list[dict[str, Any]]:
        """One page of a list, as the site orders it. Errors are those of `get`, and `SlowAnswerError`."""
        request = query.request(impatient=impatient)
        rows: list[dict[str, Any]] = self._exchange(request)["message" if request.body else "data"]
        return rows

    def ask(self, method: str, arguments: Mapping[str, Any], subject: str) -> Any:
        """The `message` of a method that changes nothing, called by POST. Errors are those of `get`."""
        body = orjson.dumps(arguments)
        return self._exchange(Request(verb="POST", target=f"/api/method/{method}", subject=subject, body=body)).get(
            "message"
        )

    def write(
        self,
        verb: str,
        path: str,
        body: Mapping[str, Any] | None,
        subject: str,
        *,
        expects: tuple[str, type] | None = None,
        keyed: bool = False,
    ) -> dict[str, Any]:
        """A write; returns the whole answer.

        Raises a `RecordError` (see `errors.record_error`), or `AccessError` when the credentials are refused.
        """
        return self._exchange(
            Request(
                verb=verb,
                target=path,
                subject=subject,
                body=None if body is None else orjson.dumps(body),
                expects=expects,
                safety=Safety.KEYED if keyed else Safety.WRITE,
            )
        )

    def _exchange(self, request: Request) -> dict[str, Any]:
        """Send until there is an answer, a refusal, or no point in going on."""
        spent, attempt, lost = 0.0, 0, False
        while True:
            began = self._monotonic()
            self._wait_for_slot()
            if attempt == 0:
                began = self._monotonic()
            outcome = self._attempt(request, min(self._timeout, max(RETRY_SECONDS - spent, 1.0)) if attempt else None)
            self._answered = self._answered or isinstance(outcome, dict) or outcome.refusal is not None
            if isinstance(outcome, dict):
                self._down = False
                return outcome
            spent += self._monotonic() - began
            attempt += 1
            self._down = self._down and outcome.offline
            lost = lost or outcome.sent
            if outcome.refusal and not (outcome.refusal.passing or outcome.refusal.lost):
                raise self._refused(request, outcome.refusal, lost_before=lost)
            if outcome.slow and request.impatient:
                raise SlowAnswerError(outcome.reason)
            delay = self._delay(request, outcome, attempt, spent)
            if delay is None:
                self._down = self._down or outcome.offline
                raise self._given_up(request, outcome, lost=lost, attempts=attempt)
            self.clock.sleep(delay)
            spent += delay

    def _wait_for_slot(self) -> None:
        wait = self._pace.reserve()
        if wait > 0:
            self.clock.sleep(wait)

    def _attempt(self, request: Request, timeout: float | None) -> dict[str, Any] | Trouble:
        with self._lock:
            self._requests += 1
        began = self._monotonic()
        try:
            answer = self._http.request(
                request.verb,
                self.base_url + request.target,
                content=request.body,
                headers={"Content-Type": "application/json"} if request.body is not None else None,
                timeout=_timeouts(self._timeout if timeout is None else timeout),
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            cause = _cause(error)
            return Trouble(reason=f"no connection ({cause})", sent=False, offline=True, hopeless="[SSL" in cause)
        except httpx.TimeoutException:
            return Trouble(reason=f"no answer within {timeout or self._timeout:g} s", sent=True, slow=True)
        except (httpx.TransportError, httpx.DecodingError) as error:
            return Trouble(reason=f"the connection broke before the answer was complete ({_cause(error)})", sent=True)
        self._pace.heed(answer.headers, self._monotonic() - began)
        return self._judge(request, answer)

    def _judge(self, request: Request, answer: httpx.Response) -> dict[str, Any] | Trouble:
        """The decoded answer, or what is wrong with it."""
        if answer.status_code not in (200, 201, 202):
            refusal = read_refusal(answer.status_code, answer.headers, answer.content, self.clock.now)
            return Trouble(
                reason=hide(described(refusal), self._secrets),
                sent=refusal.lost,
                slow=refusal.status == 504,
                refusal=refusal,
            )
        try:
            held = orjson.loads(answer.content)
        except orjson.JSONDecodeError:
            if answer.headers.get("content-type", "").startswith("application/json"):
                return Trouble(reason="the answer was cut off or is broken JSON", sent=True)
            words = hide(page_words(answer.content), self._secrets)
            return Trouble(reason=f"status {answer.status_code} with {words} instead of JSON", sent=True)
        if not isinstance(held, dict):
            return Trouble(reason="JSON that is not an object", sent=True)
        if request.expects and not isinstance(held.get(request.expects[0]), request.expects[1]):
            return Trouble(reason=f"JSON without “{request.expects[0]}”", sent=True)
        return held

    def _delay(self, request: Request, trouble: Trouble, attempt: int, spent: float) -> float | None:
        """Seconds to wait before the request is sent again, or None when it is not."""
        if trouble.sent and request.safety is Safety.WRITE:
            return None
        if attempt >= MOST_ATTEMPTS or trouble.hopeless or (self._down and trouble.offline):
            return None
        refusal = trouble.refusal
        if refusal and refusal.code == "DocumentLockedError" and attempt >= _LOCKED_ATTEMPTS:
            return None
        delay = self._rng.uniform(0, min(_LONGEST_WAIT, _FIRST_WAIT * 2.0**attempt))
        if refusal and refusal.status in (429, 503):
            delay = delay if refusal.retry_after is None else refusal.retry_after
            self._pace.pause(min(delay, RETRY_SECONDS))
        most = RETRY_SECONDS if self._answered or trouble.slow else _UNANSWERED_SECONDS
        return delay if spent + delay < most else None

    def _refused(self, request: Request, refusal: Refusal, *, lost_before: bool) -> SyncdError:
        """The error for a refusal that repeating does not change.

        A keyed write that is refused after an answer was lost may still be on its way from the first attempt; only
        409 tells that the key is taken.
        """
        if refusal.status == 401 or (request.safety is Safety.READ):
            return self._hidden(read_error(refusal, request.subject, self.base_url, self._who()))
        if lost_before and refusal.status != 409:
            return UnknownOutcomeError(
                f"{request.subject}: an answer was lost, and the second attempt was refused: "
                f"{hide(described(refusal), self._secrets)}",
                hint="the next run looks whether the first was done",
                code=refusal.code,
                request_id=refusal.request_id,
            )
        return self._hidden(record_error(refusal, request.subject, addressed=request.verb != "POST"))

    def _given_up(self, request: Request, trouble: Trouble, *, lost: bool, attempts: int) -> SyncdError:
        tried = f" after {attempts} attempts" if attempts > 1 else ""
        if request.safety is Safety.READ:
            return UnreachableError(
                f"{self.base_url} gave no usable answer for {request.subject}{tried}: {trouble.reason}",
                hint=_read_hint(trouble),
            )
        code = trouble.refusal.code if trouble.refusal else ""
        request_id = trouble.refusal.request_id if trouble.refusal else ""
        if lost:
            return UnknownOutcomeError(
                f"{request.subject}: sent, but no usable answer came{tried}: {trouble.reason}",
                hint="the next run looks whether it was done",
                code=code,
                request_id=request_id,
            )
        return BusyError(
            f"{request.subject}: not sent or not taken{tried}: {trouble.reason}",
            hint="nothing was done; the next run tries again",
            code=code,
            request_id=request_id,
        )

    def _who(self) -> str:
        return str(self._kept.get("user", "the integration user"))

    def _hidden(self, error: _Hidden) -> _Hidden:
        error.message = hide(error.message, self._secrets)
        error.args = (error.message,)
        return error


def _timeouts(seconds: float) -> httpx.Timeout:
    return httpx.Timeout(seconds, connect=min(seconds, 10.0), pool=None)


def _cause(error: Exception) -> str:
    """What the library says, without its class where it says something."""
    return str(error) or type(error).__name__


def _read_hint(trouble: Trouble) -> str:
    if trouble.offline:
        return "check that the site runs and that `url` of this site in syncd.toml names its host and port"
    if trouble.refusal and trouble.refusal.retry_after:
        return f"the site asks to wait {trouble.refusal.retry_after:.0f} s: try again then"
    if "instead of JSON" in trouble.reason:
        return "something answers in the site's place (a proxy, a login or maintenance page): ask who runs it"
    return "the site may be overloaded or restarting: try again later"
