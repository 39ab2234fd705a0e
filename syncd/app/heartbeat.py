"""The lease of a run is renewed while the run waits for a side that takes long to answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import structlog

from syncd.errors import SyncdError
from syncd.ports.state import Lease

log = structlog.get_logger(__name__)

EVERY = 15.0
"""Seconds between two heartbeats; a lease is good for 60 s after the last. One request may be waited for for longer."""


@contextmanager
def kept(lease: Lease) -> Iterator[None]:
    """Renew `lease` from a thread of its own for as long as the block runs.

    Whatever goes wrong with that ends the heartbeats alone: the run hears of it at its next transaction, which checks
    the lease and uses the same store.
    """
    over = Event()
    thread = Thread(target=_beat, args=(lease, over), name=f"syncd-lease-{lease.mapping}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _beat(lease: Lease, over: Event) -> None:
    while not over.wait(EVERY):
        try:
            lease.beat()
        except SyncdError as error:
            log.debug("the lease was not renewed", mapping=lease.mapping, error=error.message)
            return
