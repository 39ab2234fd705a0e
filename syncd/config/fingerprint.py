"""A stable name for what a mapping compares."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import date, datetime, time
from enum import Enum
from hashlib import blake2b

from syncd.core.spec import CreateMethod, FieldSpec, LifecycleSpec, MappingSpec, TableSpec

_NOT_COMPARED = frozenset({"name", "file", "every", "cron", "enabled"})


def fingerprint(spec: MappingSpec) -> str:
    """32 hex digits that change when the mapping reads, compares, matches or decides otherwise than before.

    The schedule, `enabled`, the mapping's name and its file do not count. Settings that have their default do not
    either, so that a version with more settings gives old mappings their old fingerprint. The order of fields counts:
    images are stored in it.
    """
    return blake2b(_canonical(spec).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _canonical(value: object) -> str:
    """One text a value; different values give different texts."""
    if isinstance(value, MappingSpec | FieldSpec | TableSpec | LifecycleSpec | CreateMethod):
        return "{" + ",".join(_members(value)) + "}"
    if isinstance(value, Enum):
        return repr(value.value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{name!r}:{_canonical(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, tuple):
        return "[" + ",".join(map(_canonical, value)) + "]"
    if isinstance(value, datetime | date | time):
        return f"{type(value).__name__}({value.isoformat()})"
    return repr(value)


def _members(spec: MappingSpec | FieldSpec | TableSpec | LifecycleSpec | CreateMethod) -> list[str]:
    members = []
    for field in sorted(dataclasses.fields(spec), key=lambda field: field.name):
        value = getattr(spec, field.name)
        unset = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        if field.name not in _NOT_COMPARED and (value != unset or type(value) is not type(unset)):
            members.append(f"{field.name}={_canonical(value)}")
    return members
