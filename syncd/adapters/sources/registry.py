"""Source types by name: what `type` of a [sources.NAME] table may say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from syncd.core.mapping import MappingSpec
from syncd.core.values import nearest
from syncd.errors import UsageError
from syncd.ports.endpoint import Clock, Endpoint


class Source(Protocol):
    """One external system."""

    def endpoint(self, spec: MappingSpec, page_size: int) -> Endpoint:
        """The entity that a mapping names; nothing is asked yet."""
        ...

    def entities(self) -> list[str]:
        """What mappings may name as `entity`, for suggestions. Raises `UnreachableError`."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...


Settings = Mapping[str, object]
"""A source's settings with its secrets filled in: `type` and what that type needs (`url` for sql)."""


def _sql(settings: Settings, directory: Path, clock: Clock) -> Source:
    from syncd.adapters.sources.sql import open_source as open_sql

    return open_sql(str(settings["url"]), directory, clock)


SOURCE_TYPES: dict[str, Callable[[Settings, Path, Clock], Source]] = {"sql": _sql}
"""Factories by type; imports happen inside, so that a command loads only what its sources need."""


def open_source(settings: Settings, directory: Path, clock: Clock) -> Source:
    """The source that `settings` describe; relative paths start at `directory`.

    Raises `UsageError` for a type that is not known, and what the type's own factory raises.
    """
    kind = str(settings.get("type", ""))
    factory = SOURCE_TYPES.get(kind)
    if factory is None:
        close = nearest(kind, SOURCE_TYPES) or tuple(SOURCE_TYPES)
        raise UsageError(f"the source type {kind!r} is not known", hint=f"use {' or '.join(map(repr, close))}")
    return factory(settings, directory, clock)


__all__ = ["SOURCE_TYPES", "Settings", "Source", "open_source"]
