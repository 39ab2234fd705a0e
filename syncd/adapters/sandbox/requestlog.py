"""What was asked of the sandbox, for tests that count requests and writes."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from typing import Any

_READING = (".get_list", ".get_count", ".get_value", ".get", ".has_permission")


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One request: what it was, who asked, how it ended, how many documents it carried or was answered with.

    `status` is 0 where no answer was sent.
    """

    method: str
    path: str
    query: str
    status: int
    documents: int
    user: str
    fault: str | None = None

    @property
    def writes(self) -> bool:
        """Whether it was meant to change documents."""
        return self.method in ("PUT", "DELETE", "PATCH") or (self.method == "POST" and not self.path.endswith(_READING))


class RequestLog:
    """The requests served since the last reset, in the order they ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._served: list[Served] = []

    def add(self, served: Served) -> None:
        """Note a request."""
        with self._lock:
            self._served.append(served)

    def reset(self) -> None:
        """Forget what was served."""
        with self._lock:
            self._served.clear()

    def since(self, mark: int = 0) -> list[Served]:
        """The requests after the first `mark`."""
        with self._lock:
            return self._served[mark:]

    def writes(self) -> list[Served]:
        """Those that were meant to change documents."""
        return [served for served in self.since() if served.writes]

    def as_json(self, mark: int = 0) -> dict[str, Any]:
        """What `/_sandbox/log` tells: the requests and the mark to ask from next time."""
        served = self.since(mark)
        return {"mark": mark + len(served), "requests": [{**asdict(item), "writes": item.writes} for item in served]}
