"""The sandbox as an application, as a server in a thread, and as a process of its own."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from .admin import admin_routes
from .endpoint import Endpoint, Transports
from .site import Site

DEFAULT_ZONE = "America/New_York"
_START_TIMEOUT = 20.0
_TICK = 0.1
_LOOK = 0.002
_SUFFIXES = ("", "-wal", "-shm")


def create_app(database: Path | str, *, zone: str = DEFAULT_ZONE) -> Starlette:
    """The sandbox as an ASGI application over the file `database` (made and filled when it is not there).

    `app.state.site` is the engine; it is closed when the application's lifespan ends. Faults that break connections
    off work only under `SandboxServer` and `serve`. Raises ZoneInfoNotFoundError for an unknown zone.
    """
    site = Site(Path(database), zone)
    transports: Transports = {}
    endpoint = Endpoint(site, transports)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        endpoint.close()
        site.close()

    app = Starlette(routes=admin_routes(site), lifespan=lifespan)

    async def everything_else(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await endpoint(scope, receive, send)

    app.router.default = everything_else
    app.router.redirect_slashes = False
    app.state.site = site
    app.state.transports = transports
    return app


def reset(database: Path | str) -> None:
    """Remove a sandbox's data; a server that has it open must be stopped before."""
    for suffix in _SUFFIXES:
        Path(f"{database}{suffix}").unlink(missing_ok=True)


class _Protocol(H11Protocol):
    """Keeps the connection of each client at hand, so that a fault can break it off."""

    def __init__(self, transports: Transports, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._transports = transports
        self._address: tuple[str, int] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        address = transport.get_extra_info("peername")
        self._address = (address[0], address[1])
        self._transports[self._address] = transport
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._address is not None:
            self._transports.pop(self._address, None)
        super().connection_lost(exc)


class _Server(uvicorn.Server):
    """Ends at once when it is told to, instead of at its next look at the flag."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told: asyncio.Event | None = None

    async def main_loop(self) -> None:
        self._loop, self._told = asyncio.get_running_loop(), asyncio.Event()
        ticks = 0
        while not (await self.on_tick(ticks) or self.should_exit):
            ticks += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), _TICK)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's own, which looks only every tenth of a second whether anything is in flight still."""
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._all_served(), self.config.timeout_graceful_shutdown)
        for task in self.server_state.tasks:
            task.cancel()
        await self.lifespan.shutdown()

    async def _all_served(self) -> None:
        while (self.server_state.connections or self.server_state.tasks) and not self.force_exit:
            await asyncio.sleep(_LOOK)

    def end(self) -> None:
        """Finish what is in flight and return from `serve`; may be called from any thread."""
        self.should_exit = True
        if self._loop is not None and self._told is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._told.set)


class SandboxServer:
    """A sandbox on loopback, in a thread of this process. Two of them share nothing.

    `start()` returns the base URL once the server accepts; `site` is the engine behind it (faults, clock, log), there
    from `start` to `stop`. May be used as a context manager, whose value is the server.
    """

    def __init__(self, database: Path, *, host: str = "127.0.0.1", port: int = 0, zone: str = DEFAULT_ZONE) -> None:
        self._database, self._host, self._port, self._zone = database, host, port, zone
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._site: Site | None = None
        self.url = ""

    @property
    def site(self) -> Site:
        """The engine. Raises RuntimeError when the server does not run."""
        if self._site is None:
            raise RuntimeError("the sandbox server does not run: call start() first")
        return self._site

    def start(self) -> str:
        """Serve, and return the base URL. Raises OSError where the port is taken, RuntimeError where it runs."""
        if self._server is not None:
            raise RuntimeError("the sandbox server runs already")
        # Named outright: asyncio turns Nagle's delay off only where the protocol is.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self._host, self._port))
            app = create_app(self._database, zone=self._zone)
        except BaseException:
            listener.close()
            raise
        self._site = app.state.site
        config = _configuration(app)
        server = self._server = _Server(config)
        self._thread = threading.Thread(target=self._serve, args=(server, listener), name="sandbox-server", daemon=True)
        self._thread.start()
        self._wait_until_up(server)
        self.url = f"http://{self._host}:{listener.getsockname()[1]}"
        return self.url

    @staticmethod
    def _serve(server: _Server, listener: socket.socket) -> None:
        with listener, suppress(asyncio.CancelledError):
            asyncio.run(server.serve(sockets=[listener]))

    def _wait_until_up(self, server: _Server) -> None:
        pause = threading.Event()
        for _ in range(int(_START_TIMEOUT / 0.005)):
            if server.started:
                return
            if self._thread is None or not self._thread.is_alive():
                break
            pause.wait(0.005)
        self.stop()
        raise RuntimeError("the sandbox server did not come up")

    def stop(self) -> None:
        """Finish what is in flight, close the store and end the thread; nothing happens when it does not run."""
        server, self._server = self._server, None
        if server is None:
            return
        server.end()
        if self._thread is not None:
            self._thread.join(timeout=_START_TIMEOUT)
        self._thread = None
        self._site = None

    def __enter__(self) -> SandboxServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _configuration(app: Starlette) -> uvicorn.Config:
    transports: Transports = app.state.transports

    def protocol(**arguments: Any) -> asyncio.Protocol:
        return _Protocol(transports, **arguments)

    return uvicorn.Config(
        app,
        http=protocol,  # type: ignore[arg-type]
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
        timeout_keep_alive=60,
        ws="none",
    )


def serve(database: Path, port: int, *, zone: str = DEFAULT_ZONE) -> None:
    """Serve on loopback until SIGTERM or SIGINT. Call it on the main thread. Raises OSError where the port is taken."""
    ended = threading.Event()

    def end(_: int, __: FrameType | None) -> None:
        ended.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with SandboxServer(database, port=port, zone=zone):
            while not ended.wait(timeout=0.5):
                pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
