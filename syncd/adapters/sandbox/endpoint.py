"""The HTTP border: runs requests on a small pool of threads and lets faults happen to them."""

from __future__ import annotations

import asyncio
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from starlette.types import Receive, Scope, Send

from .answers import Answer, page, refusal
from .errors import SiteError
from .faults import FaultKind, Rule
from .requestlog import Served
from .requests import Incoming
from .routes import serve_request
from .site import Site

_WORKERS = 8
_BEFORE = frozenset({FaultKind.DROP_BEFORE, FaultKind.RESET})
_INSTEAD = frozenset({FaultKind.STATUS, FaultKind.HTML, FaultKind.DEADLOCK})
_WINDOW_MICROSECONDS = 200_000
Transports = dict[tuple[str, int], asyncio.Transport]


class Endpoint:
    """ASGI application of the site's own API. `transports`: open connections by the client's address and port."""

    def __init__(self, site: Site, transports: Transports) -> None:
        self._site = site
        self._transports = transports
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="sandbox")

    def close(self) -> None:
        """Wait for the requests that run and end the threads."""
        self._pool.shutdown()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        incoming = await _read_request(scope, receive)
        rule = self._site.faults.take(incoming.method, incoming.path, incoming.body.decode("utf-8", "replace"))
        if rule is not None and rule.kind in _BEFORE:
            self._note(incoming, None, rule)
            await self._break_off(scope, receive, reset=rule.kind is FaultKind.RESET)
            return
        answer = self._instead(rule)
        if answer is None:
            answer = await self._serve(incoming, rule)
        if rule is not None and rule.kind is FaultKind.DROP_AFTER_COMMIT:
            self._note(incoming, None, rule)
            await self._break_off(scope, receive, reset=False)
            return
        self._note(incoming, answer, rule)
        await self._send(answer, rule, scope, receive, send)

    async def _serve(self, incoming: Incoming, rule: Rule | None) -> Answer:
        stamp_at: datetime | None = None
        if rule is not None and rule.kind is FaultKind.LATE_COMMIT:
            stamp_at = self._site.clock.now()
            await asyncio.sleep(rule.seconds)
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._pool, serve_request, self._site, incoming, stamp_at)
        if rule is not None and rule.kind is FaultKind.DELAY:
            await asyncio.sleep(rule.seconds)
        return answer

    def _instead(self, rule: Rule | None) -> Answer | None:
        """The answer that stands in for the work, where a fault or the rate limit wants one."""
        if rule is not None and rule.kind in _INSTEAD:
            return _fault_answer(rule)
        reset = self._site.faults.rate_limit_reset
        return None if reset is None else _too_many(reset)

    def _note(self, incoming: Incoming, answer: Answer | None, rule: Rule | None) -> None:
        self._site.log.add(
            Served(
                method=incoming.method,
                path=incoming.path,
                query=incoming.query,
                status=answer.status if answer else 0,
                documents=answer.documents if answer else 0,
                user=answer.user if answer else "",
                fault=rule.kind.value if rule else None,
            )
        )

    async def _send(self, answer: Answer, rule: Rule | None, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.raw_headers()})
        if rule is None or rule.kind is not FaultKind.TRUNCATE:
            await send({"type": "http.response.body", "body": answer.body})
            return
        half = answer.body[: len(answer.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        transport = self._transport(scope)
        transport.close()
        await _wait_until_gone(receive)

    def _transport(self, scope: Scope) -> asyncio.Transport:
        client = scope.get("client")
        transport = self._transports.get(tuple(client)) if client else None
        if transport is None:
            raise ConnectionAbortedError("this server cannot break off connections: run it with SandboxServer")
        return transport

    async def _break_off(self, scope: Scope, receive: Receive, *, reset: bool) -> None:
        transport = self._transport(scope)
        if reset:
            connection: Any = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        else:
            transport.close()
        await _wait_until_gone(receive)


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _read_request(scope: Scope, receive: Receive) -> Incoming:
    pieces = []
    while True:
        message = await receive()
        pieces.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
    return Incoming(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        body=b"".join(pieces),
    )


def _fault_answer(rule: Rule) -> Answer:
    if rule.kind is FaultKind.HTML:
        return page(200, "Sign in", "Please sign in to continue.")
    if rule.kind is FaultKind.DEADLOCK:
        text = "(1213, 'Deadlock found when trying to get lock; try restarting transaction')"
        return _refused(SiteError(500, "QueryDeadlockError", text))
    headers = (("retry-after", str(rule.retry_after)),) if rule.retry_after is not None else ()
    types = {429: "TooManyRequestsError", 503: "SessionStopped", 401: "AuthenticationError", 403: "PermissionError"}
    exc_type = types.get(rule.status)
    if exc_type is None:
        return page(rule.status, "Error", "The server could not complete your request.", headers)
    answer = _refused(SiteError(rule.status, exc_type))
    answer.headers = headers
    return answer


def _too_many(reset: int) -> Answer:
    answer = _refused(SiteError(429, "TooManyRequestsError"))
    answer.headers = (
        ("retry-after", str(reset)),
        ("x-ratelimit-limit", str(_WINDOW_MICROSECONDS)),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", str(reset)),
        ("x-ratelimit-used", str(_WINDOW_MICROSECONDS)),
    )
    return answer


def _refused(error: SiteError) -> Answer:
    return refusal(error, [], version=1, traceback=f"Traceback (most recent call last):\n{error.exception}")
