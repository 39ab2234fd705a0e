"""Sandboxes of a test's own, without filling a new one each time."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from syncd.adapters.sandbox import SandboxServer


@cache
def _blank() -> Path:
    """The file of a site as it is on its first day: filled once for all tests of this process."""
    folder = Path(tempfile.mkdtemp(prefix="syncd-site-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with SandboxServer(folder / "blank.db"):
        pass
    return folder / "blank.db"


@contextmanager
def fresh_site(database: Path) -> Iterator[SandboxServer]:
    """A sandbox of one's own over `database`, on which nobody has done anything."""
    shutil.copy(_blank(), database)
    with SandboxServer(database) as server:
        yield server
