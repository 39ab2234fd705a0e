"""An embedded stand-in for an ERPNext 15 site: a real HTTP server over SQLite, held to recorded answers.

`SandboxServer` runs it in a thread, `serve` as a process, `create_app` gives the ASGI application, `reset` removes
its data. API users: `full:full` (every role) and `limited:limited` (role Sales User).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .server import SandboxServer, create_app, reset, serve

__all__ = ["SandboxServer", "create_app", "reset", "serve"]


def __getattr__(name: str) -> Any:
    """Import the server only when it is asked for: commands that need no sandbox do not pay for it."""
    if name in __all__:
        from . import server

        return getattr(server, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
